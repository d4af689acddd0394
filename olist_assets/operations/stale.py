"""Tables and days that differ from what the bronze snapshots give now, found by computing them again and comparing.

No clock, version or saved fingerprint is involved, so the result is right after a restore, a killed run or a change of
the code as well as after a new snapshot. It costs as much as the silver layer without its writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.catalog import resource_parameters
from olist_assets.contracts.table import Table
from olist_assets.engine.upstream import upstream_frame
from olist_assets.operations.platform import Platform

CODE_VERSION_TAG = "dagster/code_version"
EVENTS_READ = 50
Digest = tuple[int, int]
"""Rows and the sum of their hashes."""


@dataclass(frozen=True)
class Stale:
    """Tables without days that differ, and for each day that differs the daily tables in which it does."""

    tables: tuple[str, ...]
    days: dict[date, tuple[str, ...]]

    def __bool__(self) -> bool:
        return bool(self.tables or self.days)


def stale(platform: Platform) -> Stale:
    """Compare the silver and the daily tables with what their functions make of bronze. Raises TableMissing."""
    whole: list[str] = []
    days: dict[date, list[str]] = {}
    compared = compared_tables(platform)
    existing = platform.warehouse.existing_tables(table.name for table in compared)
    with recomputed(platform, compared) as fresh:
        for table in compared:
            expected = digests(fresh[table.name], table)
            found = digests(stored(platform, table.name), table) if table.name in existing else {}
            differing = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
            if table.day is None:
                whole += [table.name] if differing else []
                continue
            for day in differing:
                if day is not None:
                    days.setdefault(day, []).append(table.name)
    return Stale(tuple(whole), {day: tuple(days[day]) for day in sorted(days)})


def outdated_code(platform: Platform) -> dict[str, tuple[str, str]]:
    """Assets whose code has changed since a run last materialized them: the version then, and the one now."""
    found: dict[str, tuple[str, str]] = {}
    with platform.instance() as storage:
        for key in sorted(platform.graph.get_all_asset_keys()):
            now, then = platform.graph.get(key).code_version, _last_code_version(storage, key)
            if now and then and then != now:
                found[key.to_user_string()] = (then, now)
    return found


def _last_code_version(storage: dg.DagsterInstance, key: dg.AssetKey) -> str | None:
    """The version in the newest event that has one: a write without a run (restore, forget) is reported without it."""
    cursor, has_more = None, True
    while has_more:
        events = storage.fetch_materializations(key, EVENTS_READ, cursor)
        for record in events.records:
            materialization = record.asset_materialization
            if materialization and (version := (materialization.tags or {}).get(CODE_VERSION_TAG)):
                return version
        cursor, has_more = events.cursor, events.has_more
    return None


def compared_tables(platform: Platform) -> list[Table]:
    """Silver and the daily tables: everything that a rerun of days can correct."""
    daily = platform.catalog.daily_tables
    return [table for name, table in platform.catalog.tables.items() if table.layer == "silver" or name in daily]


@contextmanager
def recomputed(platform: Platform, compared: list[Table]) -> Iterator[dict[str, DataFrame]]:
    """The content that each compared table should have: its function over its parents', from the bronze tables on."""
    catalog = platform.catalog
    read_again = {parent for table in compared for parent in catalog.parents(table.name)}
    frames: dict[str, DataFrame] = {}

    def fresh(name: str) -> DataFrame:
        if name not in frames:
            if catalog.table(name).layer in ("bronze", "streaming"):
                frames[name] = stored(platform, name)
            else:
                parents = {parent: fresh(parent) for parent in catalog.parents(name)}
                frame = call(platform, name, parents)
                # Compared here, and read by the tables after it.
                frames[name] = frame.persist() if name in read_again else frame
        return frames[name]

    try:
        yield {table.name: fresh(table.name) for table in compared}
    finally:
        for frame in frames.values():
            frame.unpersist()


def call(platform: Platform, name: str, parents: dict[str, DataFrame]) -> DataFrame:
    """The result of a table's function for these upstream tables."""
    function = platform.catalog.functions[name]
    resources: dict[str, Any] = {"calendar": platform.calendar}
    return function(**parents, **{key: resources[key] for key in resource_parameters(function)})


def stored(platform: Platform, name: str) -> DataFrame:
    return upstream_frame(platform.warehouse, platform.engine, platform.catalog.table(name))


def digests(frame: DataFrame, table: Table) -> dict[date | None, Digest]:
    """Rows and the sum of their hashes, by day; equal for equal rows in any order.

    Volatile columns are left out, and trailing ones, which follow from the other columns and are written with them.
    """
    left_out = {*table.volatile, *(table.trailing.columns if table.trailing else ())}
    columns = [column for column in table.columns if column.name not in left_out]
    day = F.col(table.day) if table.day else F.lit(None).cast("date")
    # A hash of 64 bits skips nulls: with these flags a null in one column differs from a null in another.
    hashed_values: list[Column] = [F.col(column.name) for column in columns]
    hashed_values += [F.col(column.name).isNull() for column in columns if column.nullable]
    hashed = F.xxhash64(*hashed_values).cast("decimal(38,0)")
    rows = frame.groupBy(day.alias("day")).agg(F.count("*").alias("n"), F.sum(hashed).alias("h")).collect()
    return {row.day: (row.n, int(row.h)) for row in rows}
