"""Who is forgotten: a list of salted hashes beside the tables, and what a snapshot's frame is made to hold instead.

A person's ids become random tokens, zip prefix and city a word, and the comments of their orders nothing. Orders and
money stay, under the tokens. Every read of the source goes by the list, so no later snapshot brings a person back.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import write_deltalake
from deltalake.exceptions import TableNotFoundError
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from olist_assets.errors import OlistError
from olist_assets.governance import masking
from olist_assets.lakehouse.locks import table_lock
from olist_assets.lakehouse.object_store import open_delta, storage_options
from olist_assets.settings import Settings
from olist_assets.contracts.source_files import CORRUPT, SOURCES, SourceFile

ERASED = "erased"
# Of each source that tells of a customer: by which columns a row is known to be theirs, and what it says of them.
KEYS = {
    SOURCES["order_reviews"].name: ("order_id", "review_id"),
    SOURCES["orders"].name: ("customer_id",),
    SOURCES["customers"].name: ("customer_id", "customer_unique_id"),
}
# Every order needs a place: these cannot be null.
PLACES = ("customer_zip_code_prefix", "customer_city")
COMMENTS = ("review_comment_title", "review_comment_message")
SCHEMA = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("ids", pa.list_(pa.string()), nullable=False),
        pa.field("token", pa.string(), nullable=False),
        pa.field("secret", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Person:
    """A customer before they are forgotten: their `customer_unique_id`, and the `customer_id`s of their orders."""

    unique_id: str
    customer_ids: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.unique_id, *self.customer_ids)


@dataclass(frozen=True)
class Found:
    """What is to be erased from some source files or snapshots: ids and what replaces them, orders and reviews."""

    replacements: dict[str, str]
    orders: tuple[str, ...]
    reviews: tuple[str, ...]


class Erasures:
    """The list, read with the secret that it was made with. It is false where nobody is on it."""

    def __init__(self, settings: Settings) -> None:
        """Raises OlistError for a list that another secret was used for, or none is given for."""
        try:
            self._rows = open_delta(path(settings)).to_pyarrow_table().to_pylist()
        except TableNotFoundError:
            self._rows = []
            return
        self.secret = masking.secret(settings)
        if any(row["secret"] != _mark(self.secret) for row in self._rows):
            raise OlistError(
                f"OLIST_MASK_SALT is not the secret that the erasures in {path(settings)} were made with: whom they "
                "mean cannot be told. Set the one of then."
            )

    def __bool__(self) -> bool:
        return bool(self._rows)

    def knows(self, given: str) -> bool:
        """Whether the id is of somebody on the list."""
        return any(masking.digest(self.secret, given) in row["ids"] for row in self._rows) if self._rows else False

    def found(self, con: duckdb.DuckDBPyConnection) -> Found:
        """Whom of the list `customers`, `orders` and `order_reviews`, relations of the connection, tell of."""
        masking.use_secret(con, self.secret)
        seeds = {digest: row["token"] for row in self._rows for digest in row["ids"]}
        con.register("listed", pa.table({"digest": list(seeds), "seed": list(seeds.values())}))
        person, order = masking.sql_digest("customer_unique_id"), masking.sql_digest("customer_id")
        # Orders that a person made since are known by the customers' file alone, and those that it lacks by the list.
        rows = con.execute(
            "WITH known AS ("
            f"SELECT customer_unique_id, customer_id, seed FROM customers JOIN listed ON {person} = digest UNION ALL "
            f"SELECT customer_unique_id, customer_id, seed FROM customers JOIN listed ON {order} = digest UNION ALL "
            f"SELECT NULL, customer_id, seed FROM orders JOIN listed ON {order} = digest) "
            "SELECT DISTINCT unnest([customer_unique_id, customer_id]) AS id, seed FROM known"
        ).fetchall()
        replacements = {given: self._replacement(given, seed) for given, seed in rows if given is not None}
        orders = _column(con, "orders", "order_id", "customer_id", replacements)
        return Found(replacements, orders, _column(con, "order_reviews", "review_id", "order_id", orders))

    def _replacement(self, given: str, seed: str) -> str:
        return f"{ERASED}-{masking.digest(self.secret, seed + given)[: masking.DIGITS]}"


def path(settings: Settings) -> Path:
    """Where the list lies."""
    return settings.warehouse_path / "governance" / "erasures"


def add(settings: Settings, person: Person) -> None:
    """Put a person on the list, once."""
    where, secret = path(settings), masking.secret(settings)
    with table_lock(where, settings.lock_timeout, "erasure"):
        if Erasures(settings).knows(person.unique_id):
            return
        entry = {
            "at": datetime.now(UTC),
            "ids": [masking.digest(secret, known) for known in person.ids],
            "token": secrets.token_hex(16),
            "secret": _mark(secret),
        }
        rows = pa.Table.from_pylist([entry], SCHEMA)
        write_deltalake(str(where), rows, mode="append", name="erasures", storage_options=storage_options(where))


def erased(frame: DataFrame, source: SourceFile, found: Found) -> DataFrame:
    """A source's frame, or its snapshot's, without what is to be erased: as many rows, in the same columns."""
    if not found.replacements:
        return frame
    named = {"order_id": found.orders, "review_id": found.reviews}
    is_theirs = _any_of(F.col(key).isin(*named.get(key, found.replacements)) for key in KEYS[source.name])
    is_theirs = is_theirs | _any_of(F.col(CORRUPT).contains(known) for known in found.replacements)
    agreed = {*source.columns, "ingestion_timestamp", "source_file", CORRUPT}
    replaced = {name: F.lit(ERASED) for name in (*PLACES, CORRUPT) if name in frame.columns}
    # What a column that nobody agreed on holds is not known.
    replaced |= {n: F.lit(None).cast("string") for n in frame.columns if n in COMMENTS or n not in agreed}
    theirs = F.coalesce(is_theirs, F.lit(False))
    changed = {
        name: F.when(theirs & F.col(name).isNotNull(), value).otherwise(F.col(name)) for name, value in replaced.items()
    }
    ids: dict[Any, Any] = dict(found.replacements)
    return frame.withColumns(changed).replace(ids, subset=list(source.columns))


@contextmanager
def source_files(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the three files that tell of customers, as text."""
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        for subject in ("customers", "orders", "order_reviews"):
            file = str(folder / SOURCES[subject].name).replace("'", "''")
            con.execute(
                f"CREATE VIEW {subject} AS FROM read_csv('{file}', all_varchar = true, header = true, delim = ',', "
                "quote = '\"', escape = '\"', strict_mode = false, parallel = false, ignore_errors = true)"
            )
        yield con


def _column(
    con: duckdb.DuckDBPyConnection, relation: str, column: str, known_by: str, ids: Iterable[str]
) -> tuple[str, ...]:
    con.register("ids", pa.table({"id": pa.array(ids, pa.string())}))
    rows = con.execute(f"SELECT DISTINCT {column} FROM {relation} WHERE {known_by} IN (FROM ids)").fetchall()
    return tuple(value for (value,) in rows if value is not None)


def _any_of(conditions: Iterable[Column]) -> Column:
    return reduce(or_, conditions, F.lit(False))


def _mark(secret: bytes) -> str:
    """Tells one secret from another, and nothing of either."""
    return masking.digest(secret, "olist erasures")
