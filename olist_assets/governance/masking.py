"""Masking of personal data, and the secret key of its tokens."""

import hashlib
import hmac
from collections.abc import Callable

import duckdb

from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.source_files import CORRUPT, SourceFile
from olist_assets.contracts.source_values import ERASED, NULL_WORDS, TEXT, pattern
from olist_assets.contracts.table import Column
from olist_assets.errors import OlistError
from olist_assets.settings import Settings

BLOCK, DIGITS = 64, 24
TOKEN = "masked-"
ID_FORMAT = f"[0-9a-fA-F]{{32}}|{ERASED}-[0-9a-f]{{{DIGITS}}}"
MIN_SECRET_CHARACTERS = 16
HOW_TO = 'Create one and keep it: export OLIST_MASK_SALT="$(openssl rand -hex 32)"'


def secret(settings: Settings) -> bytes:
    """The secret key of this platform's tokens. Raises OlistError that says how to create one; never shows it."""
    salt = settings.mask_salt.get_secret_value() if settings.mask_salt else ""
    if not salt:
        raise OlistError(f"Customers' ids are hashed with a secret, and OLIST_MASK_SALT is not set. {HOW_TO}")
    if len(salt) < MIN_SECRET_CHARACTERS:
        raise OlistError(
            f"OLIST_MASK_SALT is shorter than {MIN_SECRET_CHARACTERS} characters: it could be guessed. {HOW_TO}"
        )
    try:
        return salt.encode()
    except UnicodeEncodeError:
        # Without its cause, which holds the secret.
        raise OlistError(f"OLIST_MASK_SALT is not UTF-8. {HOW_TO}") from None


def digest(secret: bytes, value: str) -> str:
    """HMAC-SHA256 (RFC 2104) of a text, 64 hex digits: without the secret the text cannot be found."""
    return hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()


def derived(secret: bytes, purpose: str) -> bytes:
    """A secret key for one purpose: digests under it say nothing about those of another purpose."""
    return hmac.new(secret, purpose.encode(), hashlib.sha256).digest()


def token(secret: bytes, value: str) -> str:
    """The token that replaces an id in every masked table."""
    return TOKEN + digest(secret, value)[:DIGITS]


def use_secret(con: duckdb.DuckDBPyConnection, secret: bytes) -> None:
    """Give a connection the two keys of RFC 2104 that `masked` needs, as variables, so that no query text has them."""
    key = (hashlib.sha256(secret).digest() if len(secret) > BLOCK else secret).ljust(BLOCK, b"\0")
    for name, pad in (("inner_key", 0x36), ("outer_key", 0x5C)):
        con.execute(f"SET VARIABLE {name} = $1", [bytes(byte ^ pad for byte in key)])


def masked(column: Column) -> str:
    """DuckDB's expression of a column as a masked reader sees it; that of a hash needs `use_secret`."""
    return _MASKS[column.pii](column.name) if column.pii else identifier(column.name)


def has_its_format(source: SourceFile) -> str:
    """DuckDB's condition for rows of a snapshot whose values all have the format of their columns.

    What is masked is decided by a column's name, but where a record is shifted by one field, or split at a line break
    of a comment, its values are under other names.
    """
    conditions = [f"{identifier(CORRUPT)} IS NULL"]
    missing = ", ".join(map(literal, ("", *NULL_WORDS)))
    for name, kind in source.kinds.items():
        if allowed := _format(name, kind):
            text = f"trim({identifier(name)})"
            has_it = f"regexp_full_match({text}, {literal(allowed)}) OR lower({text}) IN ({missing})"
            # A null is no value in the wrong place.
            conditions.append(f"coalesce({has_it}, true)")
    return " AND ".join(conditions)


def _format(name: str, kind: str) -> str | None:
    """The pattern of a column's values; None where any text may be one."""
    if kind != TEXT:
        return pattern(kind)
    return ID_FORMAT if name.endswith("_id") else None


def needs_secret(columns: tuple[Column, ...]) -> bool:
    """Whether masking the columns needs the secret."""
    return any(column.pii == "hash" for column in columns)


def sql_digest(name: str) -> str:
    """DuckDB's expression of the `digest` of a column; it needs `use_secret`."""
    return f"sha256(getvariable('outer_key') || unhex(sha256(getvariable('inner_key') || encode({identifier(name)}))))"


_MASKS: dict[str, Callable[[str], str]] = {
    "hash": lambda name: f"'{TOKEN}' || left({sql_digest(name)}, {DIGITS})",
    # The first two digits of a Brazilian zip code name a region of some hundred thousand people.
    "cut": lambda name: f"left({identifier(name)}, 2)",
    "remove": lambda name: f"CASE WHEN false THEN {identifier(name)} END",
}
