"""Erased customers: a list of salted hashes beside the tables, and the values that replace theirs in a snapshot.

Ids become random tokens, zip prefix and city a fixed word, and the comments of their orders null. Orders and amounts
stay, under the tokens. Every read of the source applies the list, so no later snapshot brings a customer back.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake.exceptions import TableNotFoundError
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import ADDED_COLUMNS, CORRUPT, SOURCES, SourceFile
from olist_assets.contracts.source_values import ERASED
from olist_assets.errors import OlistError
from olist_assets.governance import masking
from olist_assets.lakehouse.object_store import open_delta, write_delta
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.source.csv_file import source_file

# For each file about customers: the columns by which a row belongs to a customer.
KEYS = {
    SOURCES["order_reviews"].name: ("order_id", "review_id"),
    SOURCES["orders"].name: ("customer_id",),
    SOURCES["customers"].name: ("customer_id", "customer_unique_id"),
}
# These columns are required: an order has a place.
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
    """A customer to be erased: the `customer_unique_id`, and the `customer_id`s of the orders."""

    unique_id: str
    customer_ids: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.unique_id, *self.customer_ids)


@dataclass(frozen=True)
class Found:
    """Values to erase from source files or snapshots: ids with their replacements, orders and reviews."""

    replacements: dict[str, str]
    orders: tuple[str, ...]
    reviews: tuple[str, ...]


class Erasures:
    """The list, read with the secret that it was written with. It is false if it is empty."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Raises OlistError if the list was written with another secret, or if no secret is set."""
        try:
            self._rows = warehouse.rows(open_delta(path(warehouse))).to_pylist()
        except TableNotFoundError:
            self._rows = []
            return
        self.secret = masking.secret(warehouse.settings)
        if any(row["secret"] != _mark(self.secret) for row in self._rows):
            raise OlistError(
                f"OLIST_MASK_SALT is not the secret with which the erasures in {path(warehouse)} were written, so the "
                "customers on the list cannot be recognized. Set the original secret."
            )

    def __bool__(self) -> bool:
        return bool(self._rows)

    def knows(self, given: str) -> bool:
        """Whether the id belongs to a customer on the list."""
        return any(masking.digest(self.secret, given) in row["ids"] for row in self._rows) if self._rows else False

    def found(self, con: duckdb.DuckDBPyConnection) -> Found:
        """The values of listed customers in `customers`, `orders` and `order_reviews`, relations of the connection."""
        masking.use_secret(con, self.secret)
        seeds = {digest: row["token"] for row in self._rows for digest in row["ids"]}
        con.register("listed", pa.table({"digest": list(seeds), "seed": list(seeds.values())}))
        person, order = masking.sql_digest("customer_unique_id"), masking.sql_digest("customer_id")
        # Later orders of a person are found in the customers' file only; orders that it lacks are found by the list.
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


def path(warehouse: Warehouse) -> Path:
    """The folder of the list."""
    return warehouse.root / "governance" / "erasures"


def add(warehouse: Warehouse, person: Person) -> None:
    """Put a person on the list, once."""
    where, secret = path(warehouse), masking.secret(warehouse.settings)
    with warehouse.lock(where, "erasure"):
        if Erasures(warehouse).knows(person.unique_id):
            return
        entry = {
            "at": datetime.now(UTC),
            "ids": [masking.digest(secret, known) for known in person.ids],
            "token": secrets.token_hex(16),
            "secret": _mark(secret),
        }
        rows = pa.Table.from_pylist([entry], SCHEMA)
        write_delta(where, rows, mode="append", name="erasures")


def erased(frame: DataFrame, source: SourceFile, found: Found) -> DataFrame:
    """A source's frame, or its snapshot's, without the values to erase: the same rows and columns otherwise."""
    if not found.replacements:
        return frame
    named = {"order_id": found.orders, "review_id": found.reviews}
    is_theirs = _any_of(F.col(key).isin(*named.get(key, found.replacements)) for key in KEYS[source.name])
    is_theirs = is_theirs | _any_of(F.col(CORRUPT).contains(known) for known in found.replacements)
    agreed = {*source.columns, *ADDED_COLUMNS}
    replaced = {name: F.lit(ERASED) for name in (*PLACES, CORRUPT) if name in frame.columns}
    # The content of a column outside the contract is unknown.
    replaced |= {n: F.lit(None).cast("string") for n in frame.columns if n in COMMENTS or n not in agreed}
    theirs = F.coalesce(is_theirs, F.lit(False))
    changed = {
        name: F.when(theirs & F.col(name).isNotNull(), value).otherwise(F.col(name)) for name, value in replaced.items()
    }
    ids: dict[Any, Any] = dict(found.replacements)
    return frame.withColumns(changed).replace(ids, subset=list(source.columns))


def create_source_views(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Views of the three files about customers, as text."""
    for subject in ("customers", "orders", "order_reviews"):
        con.execute(f"CREATE VIEW {subject} AS FROM {source_file(settings, SOURCES[subject]).duckdb_sql}")


def _column(
    con: duckdb.DuckDBPyConnection, relation: str, column: str, known_by: str, ids: Iterable[str]
) -> tuple[str, ...]:
    con.register("ids", pa.table({"id": pa.array(ids, pa.string())}))
    rows = con.execute(f"SELECT DISTINCT {column} FROM {relation} WHERE {known_by} IN (FROM ids)").fetchall()
    return tuple(value for (value,) in rows if value is not None)


def _any_of(conditions: Iterable[Column]) -> Column:
    return reduce(or_, conditions, F.lit(False))


def _mark(secret: bytes) -> str:
    """A text that differs for different secrets and reveals neither."""
    return masking.digest(secret, "olist erasures")
