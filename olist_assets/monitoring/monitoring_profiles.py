"""monitoring_profiles: metrics of each day of the tables, each beside the value expected from the days before it."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import numpy as np

from olist_assets.checks.profiles import SILENCE, Daily, Judged, judged, measured
from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Profile
from olist_assets.lakehouse.history_table import Row
from olist_assets.lakehouse.sql import tables_named
from olist_assets.lakehouse.warehouse import Warehouse

MONITORING_PROFILES = Table(
    name="monitoring_profiles",
    description="Metrics of the rows of each day, as the profiles in the contracts define them, and the usual values.",
    grain="One row per table, column, segment, day and metric; silence only of days on which a segment is missing.",
    key=("table", "column", "segment", "day", "metric"),
    may_be_empty=True,
    columns=(
        Column("table", "string", "Name of the table."),
        Column("column", "string", "Column that the metric describes."),
        Column("segment", "string", "Value of the column whose rows are described; empty for all rows of the day."),
        Column("day", "date", "Day of the rows."),
        Column(
            "metric", "string",
            "Statistic of the day's rows; for a segment its share of them, or the rows expected since its last one.",
            accepted=(
                "rows", "share", "mean", "median", "p90", "distinct_share", "top_share", "silence",
            ),
        ),
        Column("value", "double", "Value of the metric on this day; null if no row has one.", nullable=True),
        Column(
            "expected", "double", "Median of the 56 days before; null with fewer than 49 of them.", nullable=True,
        ),
        Column("spread", "double", "Usual robust deviation from the expected value.", nullable=True, minimum=0),
        Column(
            "is_unusual", "boolean",
            "Whether the value is more than five spreads from the expected one, on a day with enough rows, and "
            "whether or not a known event explains it.",
        ),
    ),
    is_derived=True,
    kinds=frozenset({"deltalake", "duckdb"}),
)  # fmt: skip


@table_asset(MONITORING_PROFILES)
def monitoring_profiles(warehouse: Resource[Warehouse]) -> list[Row]:
    """The profiles of all tables that exist, with all their days."""
    return [
        row
        for name, table in warehouse.catalog.business_tables.items()
        for profile in table.thresholds.profiles
        for row in profile_rows(
            warehouse, table, profile, tables_named(profile.source or name, warehouse.catalog.tables)
        )
    ]


def profile_rows(warehouse: Warehouse, table: Table, profile: Profile, reads: tuple[str, ...]) -> Iterator[Row]:
    """The rows of one profile; none while a table that it reads does not exist."""
    tables = warehouse.existing_tables(reads)
    if len(tables) < len(reads):
        return
    with warehouse.sql(tables) as sql:
        daily = measured(sql, table.name, profile)
    if daily:
        days = [daily.first + timedelta(at) for at in range(len(daily.rows))]
        for found in judged(daily, profile, table.thresholds.deviations):
            kept = _days_kept(daily, found)
            columns = [_nullable(values) for values in (found.value, found.expected, found.spread)]
            for at in kept:
                value, expected, spread = (values[at] for values in columns)
                yield _row(table, found) | {
                    "day": days[at], "value": value, "expected": expected, "spread": spread,
                    "is_unusual": bool(found.is_unusual[at]),
                }  # fmt: skip


def _days_kept(daily: Daily, found: Judged) -> Iterable[int]:
    """The days of a metric to keep: a day without rows has no other metric than that, and few segments are silent."""
    if found.metric == "rows":
        return range(len(daily.rows))
    is_kept = (daily.rows > 0) & (found.value > 0) if found.metric == SILENCE else daily.rows > 0
    return np.flatnonzero(is_kept).tolist()


def _row(table: Table, found: Judged) -> Row:
    return {"table": table.name, "column": found.column, "segment": found.segment, "metric": found.metric}


def _nullable(values: np.ndarray) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
