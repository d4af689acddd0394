"""Which tables and days are not what the bronze snapshots give now: found by making them again and comparing.

No clock, version or saved fingerprint is asked, so it is as true after a restore, a killed run or a change of the code
as it is after a new snapshot. The cost is that of the silver layer without its writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import assets, table, tables
from olist_assets.contracts.table import Table
from olist_assets.jobs import DAILY_TABLES
from olist_assets.engine.spark.session import Spark
from olist_assets.settings import Settings

# When a snapshot was read says nothing of what was in it.
NOT_COMPARED = "ingestion_timestamp"
# Rows and the sum of their hashes.
Digest = tuple[int, int]


@dataclass(frozen=True)
class Stale:
    """Tables without days that differ, and for each day that differs the daily tables in which it does."""

    tables: tuple[str, ...]
    days: dict[date, tuple[str, ...]]

    def __bool__(self) -> bool:
        return bool(self.tables or self.days)


def stale() -> Stale:
    """Compare the silver and the daily tables with what their functions make of bronze. Raises TableMissing."""
    settings, whole, days = Settings(), [], {}
    made = lakehouse.made(settings, (contract.name for contract in compared()))
    with recomputed(settings) as fresh:
        for contract in compared():
            expected = digests(fresh[contract.name], contract)
            found = digests(stored(settings, contract), contract) if contract.name in made else {}
            differing = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
            if contract.cluster_by is None:
                whole += [contract.name] if differing else []
                continue
            for day in differing:
                days.setdefault(day, []).append(contract.name)
    return Stale(tuple(whole), {day: tuple(days[day]) for day in sorted(days)})


def compared() -> list[Table]:
    """Silver and what is made by day: all that a rerun of days can put right."""
    return [contract for name, contract in tables().items() if contract.layer == "silver" or name in DAILY_TABLES]


@contextmanager
def recomputed(settings: Settings) -> Iterator[dict[str, DataFrame]]:
    """What each compared table would be: its asset function over its parents', from the bronze tables on."""
    frames: dict[str, DataFrame] = {}

    def fresh(name: str) -> DataFrame:
        if name not in frames:
            contract = table(name)
            if contract.layer == "bronze":
                lakehouse.open_table(settings, name)
                frames[name] = stored(settings, contract)
            else:
                frame: Any = functions[name](**{parent: fresh(parent) for parent in parents[name]})
                # Compared here, and read by the tables after it.
                frames[name] = frame.persist() if name in read_again else frame
        return frames[name]

    functions = {made.key.to_user_string(): made for made in assets()}
    parents = {name: [key.to_user_string() for key in made.dependency_keys] for name, made in functions.items()}
    read_again = {parent for contract in compared() for parent in parents[contract.name]}
    try:
        yield {contract.name: fresh(contract.name) for contract in compared()}
    finally:
        for frame in frames.values():
            frame.unpersist()


def stored(settings: Settings, contract: Table) -> DataFrame:
    return Spark().session.read.format("delta").load(str(lakehouse.table_path(settings, contract.name)))


def digests(frame: DataFrame, contract: Table) -> dict[date | None, Digest]:
    """Rows and the sum of their hashes, by day; equal for equal rows in any order.

    Trailing figures are left out: they follow from the other columns of the same table, and are written with them.
    """
    left_out = {NOT_COMPARED, *(contract.trailing.columns if contract.trailing else ())}
    columns = [column for column in contract.columns if column.name not in left_out]
    day = F.col(contract.cluster_by) if contract.cluster_by else F.lit(None).cast("date")
    # A hash of 64 bits passes over nulls: said besides, a null differs from another column's.
    said: list[Column] = [F.col(column.name) for column in columns]
    said += [F.col(column.name).isNull() for column in columns if column.nullable]
    hashed = F.xxhash64(*said).cast("decimal(38,0)")
    rows = frame.groupBy(day.alias("day")).agg(F.count("*").alias("n"), F.sum(hashed).alias("h")).collect()
    return {row.day: (row.n, int(row.h)) for row in rows}
