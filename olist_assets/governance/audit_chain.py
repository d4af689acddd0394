"""The hash chain of the audit log: each entry's hash covers the entry and the hash before it.

With OLIST_MASK_SALT the hashes are HMACs with a key derived from it, so that nobody without the secret can compute
those of a changed log. Without it they are plain SHA-256: they show a change by somebody who did not compute them anew.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from olist_assets.errors import OlistError

Entry = dict[str, Any]
KEYED, PLAIN = "hmac", "sha256"
# An entry about the chain itself: the first of a log that had entries before there was a chain; one after a lost head.
STARTED, RESTARTED = "chain started", "chain restarted"


@dataclass(frozen=True)
class Head:
    """Number and hash of the last entry; (0, "") before the first."""

    number: int = 0
    chain: str = ""


def head_of(entry: Entry) -> Head:
    """The head of a chain that ends with an entry."""
    return Head(entry["number"], entry["chain"])


def key_of(secret: bytes | None) -> bytes | None:
    """The key of the chain, derived from the secret of the tokens so that neither is of use for the other."""
    return hmac.digest(secret, b"olist audit chain", "sha256") if secret else None


def linked(entries: Sequence[Entry], head: Head, key: bytes | None) -> list[Entry]:
    """The entries with the numbers and hashes that follow a head."""
    found = []
    for entry in entries:
        numbered = entry | {"number": head.number + 1}
        head = Head(head.number + 1, _hash(head.chain, canonical(numbered), key))
        found.append(numbered | {"chain": head.chain})
    return found


def is_keyed(entry: Entry) -> bool:
    """Whether the hash of an entry was made with a secret."""
    return (entry["chain"] or "").startswith(KEYED)


def follows(entry: Entry, head: Head, key: bytes | None) -> bool:
    """Whether an entry is the next one after a head; false for one with a key that this process does not have."""
    return entry["number"] == head.number + 1 and _is_linked(entry, head.chain, key)


def digest(entries: Sequence[Entry], key: bytes | None) -> str:
    """A hash over entries in any order."""
    return _hash("", "\n".join(sorted(map(canonical, entries))), key)


def canonical(entry: Entry) -> str:
    """The text of an entry that its hash covers: everything but the hash; a column without a value does not count."""
    at = entry["at"]
    fixed = entry | {"at": at.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(at, datetime) else at}
    values = {name: value for name, value in fixed.items() if value is not None and name != "chain"}
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def problems(entries: Sequence[Entry], head: Head | None, key: bytes | None) -> Iterator[str]:
    """What is wrong with a log whose entries come in the order of their numbers, older ones without a number first.

    Raises OlistError for a log that this process has no key for.
    """
    older = [entry for entry in entries if entry["number"] is None]
    numbered = [entry for entry in entries if entry["number"] is not None]
    if key is None and any(is_keyed(entry) for entry in numbered):
        raise OlistError("The audit log is chained with a secret: to verify it, set OLIST_MASK_SALT.")
    yield from _problems_of_start(older, numbered, key)
    last, was_keyed = Head(), False
    for entry in numbered:
        number, expected = entry["number"], last.number + 1
        if number < expected:
            yield f"{_named(entry)} was inserted: its number occurs twice"
        elif number > expected and (last.number or not older):
            yield f"{_gap(expected, number - 1)} removed"
        elif entry["action"] == RESTARTED:
            yield f"{_named(entry)} restarts the chain: the file of the head was missing or could not be read"
        elif not _is_linked(entry, "" if entry["action"] == STARTED and not last.number else last.chain, key):
            yield f"{_named(entry)} was changed, or is not at its place"
        if was_keyed and not is_keyed(entry):
            yield f"{_named(entry)} was written without OLIST_MASK_SALT, unlike earlier ones: anybody can make such"
        was_keyed = was_keyed or is_keyed(entry)
        if number >= expected:
            last = Head(number, entry["chain"])
    yield from _problems_of_end(numbered, last, head)


def _problems_of_start(older: list[Entry], numbered: list[Entry], key: bytes | None) -> Iterator[str]:
    first = numbered[0] if numbered else None
    if first and first["action"] == STARTED:
        algorithm_key = key if is_keyed(first) else None
        if first["statement"] != started(older, algorithm_key):
            counted = first["statement"]
            yield f"The {len(older):,} entries before {_named(first)} are not those that it counts: {counted}"
    elif older and first:
        yield f"{len(older):,} entries have no number: they were inserted"


def _problems_of_end(numbered: list[Entry], last: Head, head: Head | None) -> Iterator[str]:
    if head is None:
        if numbered:
            yield "The file of the head is missing: entries may have been removed from the end"
    elif head.number > last.number:
        yield f"{_gap(last.number + 1, head.number)} removed from the end"
    elif not any((entry["number"], entry["chain"]) == (head.number, head.chain) for entry in numbered) and head.number:
        yield f"The head is not the hash of entry {head.number:,}"


def started(older: Sequence[Entry], key: bytes | None) -> str:
    """The text of the entry that starts a chain after older entries."""
    return f"{len(older):,} older entries, {digest(older, key)}"


def _is_linked(entry: Entry, before: str, key: bytes | None) -> bool:
    if is_keyed(entry) and key is None:
        return False
    computed = _hash(before, canonical(entry), key if is_keyed(entry) else None)
    return hmac.compare_digest(computed, entry["chain"] or "")


def _hash(before: str, text: str, key: bytes | None) -> str:
    message = f"{before}\n{text}".encode()
    if key:
        return f"{KEYED}:{hmac.new(key, message, hashlib.sha256).hexdigest()}"
    return f"{PLAIN}:{hashlib.sha256(message).hexdigest()}"


def _named(entry: Entry) -> str:
    return f"Entry {entry['number']:,} ({entry['action']}, {entry['at']:%Y-%m-%d %H:%M:%S})"


def _gap(first: int, last: int) -> str:
    return f"Entry {first:,} was" if first == last else f"Entries {first:,} to {last:,} were"
