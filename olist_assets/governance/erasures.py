"""Erased customers: a list of salted hashes beside the tables, and what it says about the rows of a source.

Every read of a source applies the list, so no later snapshot brings a customer back. Its hashes and tokens have secret
keys of their own: an export with masked ids, made before the erasure, tells nothing about the list.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake.exceptions import TableNotFoundError

from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.source_files import CORRUPT, SOURCES
from olist_assets.contracts.source_values import ERASED
from olist_assets.errors import OlistError
from olist_assets.governance import masking
from olist_assets.governance.erasing import Found
from olist_assets.governance.traces import SUBJECTS, Followed, Traces, follow, normal, words
from olist_assets.lakehouse.feeds import is_fed
from olist_assets.lakehouse.object_store import open_delta, write_delta
from olist_assets.lakehouse.removal import remove_earlier_versions
from olist_assets.lakehouse.sql import create_view
from olist_assets.lakehouse.statistics import data_files
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.source.csv_file import source_file

# A key for each use of the secret, so that no digest of one use says anything about those of another.
IDS, TOKENS, MARK = "olist/erasures/ids", "olist/erasures/tokens", "olist/erasures/mark"
# What lists had before: hashes that began with the tokens of the masks, and their mark, under the same key as these.
OLD_MARK = "olist erasures"
SCHEMA = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("ids", pa.list_(pa.string()), nullable=False),
        pa.field("records", pa.list_(pa.string()), nullable=False),
        pa.field("token", pa.string(), nullable=False),
        pa.field("has_old_tokens", pa.bool_(), nullable=False),
        pa.field("secret", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Person:
    """A customer to be erased: the `customer_unique_id`, and all ids of the customer, the orders and the reviews."""

    unique_id: str
    traces: Traces


class Erasures:
    """The list, read with the secret that it was written with. It is false if it is empty."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Raises OlistError if the list was written with another secret, or if no secret is set."""
        try:
            rows = warehouse.rows(open_delta(path(warehouse))).to_pylist()
        except TableNotFoundError:
            self.rows, self.is_old = [], False
            return
        self._secret = masking.secret(warehouse.settings)
        self.is_old = any("records" not in row for row in rows)
        self.rows = [_renewed(row, self._secret) for row in rows] if self.is_old else rows
        if any(row["secret"] != _mark(self._secret) for row in self.rows):
            raise OlistError(
                f"OLIST_MASK_SALT is not the secret with which the erasures in {path(warehouse)} were written, so the "
                "customers on the list cannot be recognized. Set the original secret."
            )

    def __bool__(self) -> bool:
        return bool(self.rows)

    def knows(self, given: str) -> bool:
        """Whether the id belongs to a customer on the list."""
        return self.entry(given) is not None

    def entry(self, given: str) -> dict[str, Any] | None:
        """The entry of the customer that an id belongs to; None if there is none."""
        if not self.rows:
            return None
        digest = _digest(self._secret, normal(given))
        return next((row for row in self.rows if digest in row["ids"]), None)

    def token(self, given: str) -> str | None:
        """What replaced an id of a customer on the list; None if it is of no such customer."""
        entry = self.entry(given)
        return None if entry is None else self._replacement(normal(given), *_label(entry))

    def missing(self, traces: Traces) -> Traces:
        """The ids that are not on the list."""
        known = {digest for row in self.rows for digest in (*row["ids"], *row["records"])}
        ids, records = (
            frozenset(value for value in values if _digest(self._secret, value) not in known) if self.rows else values
            for values in (traces.ids, traces.records)
        )
        return Traces(ids, records)

    def found(self, con: duckdb.DuckDBPyConnection) -> Found:
        """What belongs to listed customers in `customers`, `orders`, `order_reviews`, relations of the connection."""
        listed = self.listed(con, " UNION ".join(map(words, SUBJECTS)))
        return self.found_with(follow(con, listed.labels, listed.records))

    def found_with(self, followed: Followed) -> Found:
        """What to erase of the people whom ids were followed from."""
        replacements = {known: self._replacement(known, *label) for known, label in followed.labels.items()}
        return Found(replacements, frozenset(followed.records))

    def listed(self, con: duckdb.DuckDBPyConnection, words: str) -> Followed:
        """Those of some words that are on the list: ids of customers with the label of their entry, and records.

        `words` is a query of the connection with the column `word`.
        """
        entries = [
            (digest, kind, at)
            for at, row in enumerate(self.rows)
            for kind in ("ids", "records")
            for digest in row[kind]
        ]
        listed = {name: [entry[at] for entry in entries] for at, name in enumerate(("digest", "kind", "entry"))}
        con.register("listed", pa.table(listed))
        masking.use_secret(con, self._secret)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE masked_words AS SELECT word, {masking.sql_digest('word')} AS masked "
            f"FROM (SELECT DISTINCT lower(word) AS word FROM ({words}))"
        )
        masking.use_secret(con, masking.derived(self._secret, IDS))
        rows = con.execute(
            f"SELECT word, kind, min(entry) FROM masked_words JOIN listed ON {masking.sql_digest('masked')} = digest "
            "GROUP BY ALL"
        ).fetchall()
        labels = {word: _label(self.rows[entry]) for word, kind, entry in rows if kind == "ids"}
        return Followed(labels, {word for word, kind, _ in rows if kind == "records"})

    def _replacement(self, given: str, seed: str, *old: str) -> str:
        key = self._secret if old else masking.derived(self._secret, TOKENS)
        return f"{ERASED}-{masking.digest(key, seed + given)[: masking.DIGITS]}"


def path(warehouse: Warehouse) -> Path:
    """The folder of the list."""
    return warehouse.root / "governance" / "erasures"


def add(warehouse: Warehouse, person: Person) -> None:
    """Put a person on the list, with the ids that it lacks; a list of the old kind is written anew."""
    with warehouse.lock(path(warehouse), "erasure"):
        listed = Erasures(warehouse)
        missing, known = listed.missing(person.traces), listed.entry(person.unique_id)
        label = _label(known) if known else (secrets.token_hex(16),)
        _write(warehouse, listed, [(label, missing)] if missing else [])


def add_followed(warehouse: Warehouse, followed: Followed) -> None:
    """Put ids on the list that were followed from ids on it: new ones of the same people."""
    with warehouse.lock(path(warehouse), "erasure"):
        listed = Erasures(warehouse)
        missing = listed.missing(followed.traces)
        ids = {label: {known for known in missing.ids if followed.labels[known] == label}
               for label in sorted({followed.labels[known] for known in followed.labels})}  # fmt: skip
        new = [(label, Traces(frozenset(of_label))) for label, of_label in ids.items() if of_label]
        if missing.records:
            # Whose record it is, matters to nobody: it keeps its id.
            new.append((_label(listed.rows[0]), Traces(records=missing.records)))
        _write(warehouse, listed, new)


def _write(warehouse: Warehouse, listed: Erasures, new: list[tuple[tuple[str, ...], Traces]]) -> None:
    """Append entries of ids with the label of their person; a list of the old kind is written anew."""
    where, secret = path(warehouse), masking.secret(warehouse.settings)
    entries = [
        {
            "at": datetime.now(UTC),
            "ids": sorted(_digest(secret, value) for value in traces.ids),
            "records": sorted(_digest(secret, value) for value in traces.records),
            "token": token,
            "has_old_tokens": bool(old),
            "secret": _mark(secret),
        }
        for (token, *old), traces in new
    ]
    if listed.is_old:
        rows = pa.Table.from_pylist([*listed.rows, *entries], SCHEMA)
        write_delta(where, rows, mode="overwrite", schema_mode="overwrite", name="erasures")
        # The hashes of the old kind would still be in them.
        remove_earlier_versions(where)
    elif entries:
        write_delta(where, pa.Table.from_pylist(entries, SCHEMA), mode="append", name="erasures")


def create_source_views(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Views of what is known about customers now, as text, with the records that do not fit.

    Each of the three is the file, or the table that takes order events instead of it.
    """
    for subject in SUBJECTS:
        name = f"bronze_{subject}"
        stored = warehouse.existing_tables([name]).get(name)
        if stored and is_fed(stored):
            create_view(con, subject, stored, data_files(stored))
        else:
            _create_file_view(con, warehouse.settings, subject)


def _create_file_view(con: duckdb.DuckDBPyConnection, settings: Settings, subject: str) -> None:
    source = SOURCES[subject]
    file = source_file(settings, source)
    # With all columns of the contract: a run may read a file that lacks some.
    columns = [pa.field(name, pa.string()) for name in (*source.columns, CORRUPT)]
    misfits = [{CORRUPT: text} for text in file.misfits]
    con.register(f"{subject}_misfits", pa.Table.from_pylist(misfits, pa.schema(columns)))
    con.execute(f"CREATE VIEW {identifier(subject)} AS FROM {file.duckdb_sql} UNION ALL BY NAME FROM {subject}_misfits")


def _renewed(row: dict[str, Any], secret: bytes) -> dict[str, Any]:
    """An entry of the old kind in the new one, with its old tokens, which are in the tables."""
    key = masking.derived(secret, IDS)
    mark = _mark(secret) if row["secret"] == masking.digest(secret, OLD_MARK) else row["secret"]
    ids = [masking.digest(key, digest) for digest in row["ids"]]
    return row | {"ids": ids, "records": [], "has_old_tokens": True, "secret": mark}


def _label(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["token"], "old") if row["has_old_tokens"] else (row["token"],)


def _digest(secret: bytes, value: str) -> str:
    """The hash of an id on the list: of its hash, so that entries of the old kind can become ones of this kind."""
    return masking.digest(masking.derived(secret, IDS), masking.digest(secret, value))


def _mark(secret: bytes) -> str:
    """A text that differs for different secrets and reveals neither."""
    return masking.digest(masking.derived(secret, MARK), "")
