"""Which rule sees which fault: each fault lasts a week from each of some days, and the rules judge these days.

python -m bench.faults                             # the warehouse of the environment, see `olist doctor`
python -m bench.faults --data brazilian-ecommerce.zip
"""

import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from bench.fault_kinds import FAULTS, MASTER, Fault
from bench.harness import OLIST, environment
from olist_assets.catalog import catalog
from olist_assets.checks.profiles import SILENCE, Daily, judged, measured
from olist_assets.checks.volume import judged_days
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.table import Table
from olist_assets.contracts.thresholds import Profile
from olist_assets.gold.gold_daily_metrics import GOLD_DAILY_METRICS
from olist_assets.lakehouse.sql import tables_named
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings

ANOMALIES = "profiles or silence"
RULES = ("volume", "counts and keys", "profiles", "silence", ANOMALIES)
LASTS = 7
# Days before the fault that the rules look back on, and after it so that its days are settled.
BEFORE, AFTER = 130, 45
Days = set[date]
console = Console(highlight=False, width=140)


@dataclass(frozen=True)
class Subject:
    """A profile of a table with its measurement of the data without faults."""

    table: Table
    profile: Profile
    clean: Daily
    reads: tuple[str, ...]


def subjects(sql: duckdb.DuckDBPyConnection, tables: Mapping[str, Table]) -> list[Subject]:
    """Every profile of the tables' contracts."""
    found = []
    for name, table in tables.items():
        for profile in table.thresholds.profiles:
            if clean := measured(sql, name, profile):
                found.append(Subject(table, profile, clean, tables_named(profile.source or name, tables)))
    return found


def alarms(subject: Subject, daily: Daily) -> dict[str, Days]:
    """The days on which a profile or a silent segment warns; known days are included."""
    found: dict[str, Days] = {"profiles": set(), "silence": set()}
    for series in judged(daily, subject.profile, subject.table.thresholds.deviations):
        rule = "silence" if series.metric == SILENCE else "profiles"
        found[rule] |= {daily.first + timedelta(int(at)) for at in np.flatnonzero(series.is_unusual)}
    return found


def days_judged(subject: Subject) -> Days:
    """The days that a profile judges."""
    series = next(iter(judged(subject.clean, subject.profile, subject.table.thresholds.deviations)))
    return {subject.clean.first + timedelta(int(at)) for at in np.flatnonzero(series.is_judged)}


def known(found: Iterable[Subject]) -> Days:
    """The days that a contract explains."""
    spans = {span for subject in found for span in subject.profile.known}
    return {span.first + timedelta(n) for span in spans for n in range((span.last - span.first).days + 1)}


def first_days(found: list[Subject], count: int) -> list[date]:
    """Days spread over the judged ones, each the first of a week without known days and without alarms."""
    quiet = set.intersection(*map(days_judged, found)) - known(found) if found else set()
    for subject in found:
        for days in alarms(subject, subject.clean).values():
            quiet -= days
    weeks = sorted(day for day in quiet if all(day + timedelta(n) in quiet for n in range(LASTS)))
    if not weeks:
        raise click.ClickException("No week has enough rows and history. Use more data, such as the published files.")
    return [weeks[at] for at in np.unique(np.linspace(0, len(weeks) - 1, count).astype(int))]


@contextmanager
def injected(sql: duckdb.DuckDBPyConnection, fault: Fault) -> Iterator[None]:
    """The tables' names stand for the rows with the fault."""
    for table, query in fault.tables.items():
        sql.execute(f"CREATE OR REPLACE VIEW faulty.{table} AS {query}")
    try:
        yield
    finally:
        for table in fault.tables:
            sql.execute(f"DROP VIEW faulty.{table}")


def detection(
    sql: duckdb.DuckDBPyConnection, found: list[Subject], fault: Fault, starts: list[date]
) -> dict[str, list[int]]:
    """In how many weeks of the fault each rule warns on the first day, by the third and by the seventh."""
    seen = {rule: np.zeros((len(starts), LASTS), bool) for rule in RULES}
    with injected(sql, fault):
        for subject in found:
            if not set(subject.reads) & set(fault.tables):
                continue
            faulty = measured(sql, subject.table.name, subject.profile, subject.clean)
            assert faulty is not None
            repeats = repeated_keys(sql, subject)
            for row, start in enumerate(starts):
                at = (start - subject.clean.first).days
                week = slice(at, at + LASTS)
                spliced = window(subject.clean.spliced(faulty, week), at - BEFORE, at + LASTS + AFTER)
                days = [start + timedelta(n) for n in range(LASTS)]
                other_counts = faulty.rows[week] != subject.clean.rows[week]
                warned = alarms(subject, spliced) | {
                    "counts and keys": repeats | {day for day, other in zip(days, other_counts, strict=True) if other},
                    "volume": unusual_volumes(spliced) if subject.table.name == MASTER else set(),
                }
                for rule, alarmed in warned.items():
                    seen[rule][row] |= [day in alarmed for day in days]
    seen[ANOMALIES] = seen["profiles"] | seen["silence"]
    return {rule: [int(days[:, :by].any(axis=1).sum()) for by in (1, 3, LASTS)] for rule, days in seen.items()}


def window(daily: Daily, start: int, stop: int) -> Daily:
    """Only some of the days."""
    days = slice(max(start, 0), stop)
    segments = {column: (names, counts[days]) for column, (names, counts) in daily.segments.items()}
    first = daily.first + timedelta(days.start)
    return replace(daily, first=first, rows=daily.rows[days], metrics=daily.metrics[days], segments=segments)


def unusual_volumes(daily: Daily) -> Days:
    """Days with an unusual number of delivered orders, by the rule of gold_daily_metrics."""
    limits = GOLD_DAILY_METRICS.thresholds
    assert limits.volume is not None
    days = [(daily.first + timedelta(at), rows) for at, rows in enumerate(daily.rows)]
    return {day.day for day in judged_days(days, limits.volume, limits.deviations) if not day.is_usual}


def repeated_keys(sql: duckdb.DuckDBPyConnection, subject: Subject) -> Days:
    """Days on which two rows have the same key."""
    day, key = f"CAST({subject.profile.day} AS DATE)", ", ".join(map(identifier, subject.table.key))
    source = subject.profile.source or subject.table.name
    query = f"SELECT DISTINCT {day} FROM {source} GROUP BY {day}, {key} HAVING count(*) > 1"
    return {found for (found,) in sql.execute(query).fetchall()}


def open_faulty(sql: duckdb.DuckDBPyConnection) -> None:
    """Add a schema for faulty tables, which hide those of the same name."""
    sql.execute("CREATE SCHEMA faulty")
    sql.execute("SET search_path = 'faulty,main'")


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Make the tables from these files first.")
@click.option("--days", default=38, show_default=True, help="First days of each fault.")
def main(data: Path | None, days: int) -> None:
    """Print the share of days on which each rule warned, by fault, and the false alarms."""
    if data is None:
        return show(Warehouse(Settings(), catalog()), days)
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(data, Path(folder, "home"), "sail")
        subprocess.run([OLIST, "materialize", "--select", "+group:silver"], env=variables, check=True)
        show(Warehouse(Settings(warehouse=variables["OLIST_WAREHOUSE"]), catalog()), days)


def show(warehouse: Warehouse, count: int) -> None:
    """Print both tables for the tables of a warehouse."""
    tables = {name: table for name, table in warehouse.catalog.tables.items() if table.layer == "silver"}
    with warehouse.sql(warehouse.existing_tables(tables)) as sql:
        open_faulty(sql)
        started = time.monotonic()
        found = subjects(sql, tables)
        clean = [alarms(subject, subject.clean) for subject in found]
        seconds = time.monotonic() - started
        starts = first_days(found, count)
        first_day = [f"{rule}, day 1" for rule in RULES]
        grid = Grid(
            "fault", *first_day, f"{ANOMALIES}, by day 3", f"by day {LASTS}", title=f"{len(starts)} weeks per fault"
        )
        for fault in FAULTS:
            seen = detection(sql, found, fault, starts)
            days = [seen[rule][0] for rule in RULES] + [*seen[ANOMALIES][1:]]
            grid.add_row(fault.name, *(f"{n / len(starts):.0%}" for n in days))
    console.print(grid)
    console.print(false_alarms(found, clean))
    console.print(f"Measuring and judging all profiles took {seconds:.2f} s.")


def false_alarms(found: list[Subject], clean: list[dict[str, Days]]) -> Grid:
    """Days of the data without faults on which a rule warns, and those of them that no known event explains."""
    volume = next(unusual_volumes(subject.clean) for subject in found if subject.table.name == MASTER)
    by_rule = {
        "volume": volume,
        **{rule: set().union(*(alarmed[rule] for alarmed in clean)) for rule in ("profiles", "silence")},
    }
    explained = known(found)
    in_all = len(set().union(*map(days_judged, found)) - explained)
    grid = Grid("rule", "days with an alarm", "not explained", "share of the days judged", "which")
    for rule, days in by_rule.items():
        left = sorted(days - explained)
        grid.add_row(rule, str(len(days)), str(len(left)), f"{len(left) / in_all:.1%}", ", ".join(map(str, left)))
    return grid


if __name__ == "__main__":
    main()
