"""Commands that look at the versions of a table and go back to one."""

import csv
import json
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from olist_assets.cli.options import AS_WIDE_AS_IT_IS, console
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from olist_assets.lakehouse.table_diff import Diff, Row
    from olist_assets.lakehouse.time_travel import Version

SPANS_SHOWN = 10

# What JSON and CSV say of a version, in this order.
TOLD = ("version", "at", "operation", "who", "run_id", "partitions", "rows", "written", "deleted", "notes")


@click.command()
@click.argument("table")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Versions, newest first.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def history(table: str, limit: int, form: str) -> None:
    """Versions of a table: when, by whom, in which run, which partitions, how many rows.

    \b
    olist history silver_orders
    olist history --format json gold_customer_metrics
    """
    from olist_assets.lakehouse.warehouse import time_travel

    versions = time_travel.history(Settings(), table, limit)
    if form == "table":
        # As wide as it is: a line that a narrow terminal breaks is still the line of one version.
        Console(width=AS_WIDE_AS_IT_IS).print(_history_grid(versions))
        return
    records = [{name: getattr(version, name) for name in TOLD} | {"at": version.at.isoformat()} for version in versions]
    if form == "json":
        click.echo(json.dumps(records, indent=2))
    else:
        writer = csv.DictWriter(sys.stdout, list(records[0]))
        writer.writeheader()
        writer.writerows(records)


@click.command()
@click.argument("table")
@click.argument("old", type=int)
@click.argument("new", type=int)
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Rows shown of each kind.")
def diff(table: str, old: int, new: int, limit: int) -> None:
    """What differs between two versions of a table: rows added, removed and changed by its key.

    \b
    olist diff silver_orders 3 5
    olist diff --limit 0 gold_daily_metrics 1 2
    """
    from olist_assets import catalog
    from olist_assets.lakehouse.warehouse import time_travel

    found = time_travel.compare(Settings(), table, old, new, limit)
    key = catalog.table(table).key
    by = f"by {', '.join(key)}" if key else "whole rows: it has no key"
    console.print(f"{table}, version {old} to {new}, {by}", soft_wrap=True)
    _print_diff(found, key)


@click.command()
@click.argument("table")
@click.option("--version", type=int, required=True, help="See `olist history`.")
def restore(table: str, version: int) -> None:
    """Make a table again what it was at a version, by a new commit: its history stays. Dagster learns of it.

    Where the newest entry of the table's log cannot be read, its files are set aside first.

    \b
    olist restore silver_orders --version 3
    """
    from olist_assets.operations.restore import restore as restored_table

    done = restored_table(Settings(), table, version, lambda step: console.print(escape(step), soft_wrap=True))
    if done.version == done.version_before:
        console.print(f"{table} is at version {version}, its newest: {done.rows:,} rows. No commit was needed.")
    else:
        rows = f"{done.rows:,} rows, before {done.rows_before:,}"
        console.print(f"{table}: version {done.version} is now what version {version} was: {rows}", soft_wrap=True)
    if done.days:
        console.print(f"Days changed: {_days_text(done.days)}", soft_wrap=True)
    console.print("What is made from it is as it was. Days that differ from bronze: olist stale")


def _history_grid(versions: "list[Version]") -> Grid:
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("version", justify="right")
    for heading in ("time (UTC)", "operation", "by", "run", "partitions"):
        grid.add_column(heading, no_wrap=True)
    for heading in ("rows", "written", "deleted"):
        grid.add_column(heading, justify="right", no_wrap=True)
    grid.add_column("notes", no_wrap=True)
    for version in versions:
        at = version.at.replace(tzinfo=None).isoformat(" ", "milliseconds")
        texts = (version.operation, version.who, version.run_id and version.run_id[:8], version.partitions)
        figures = (version.rows, version.written, version.deleted)
        grid.add_row(
            str(version.version),
            at,
            *(escape(str(text)) if text else "-" for text in texts),
            *("-" if figure is None else f"{figure:,}" for figure in figures),
            escape(version.notes),
        )
    return grid


def _print_diff(found: "Diff", key: tuple[str, ...]) -> None:
    changed = f"changed {found.changed:,}, " if key else ""
    console.print(
        f"  added {found.added:,}, removed {found.removed:,}, {changed}unchanged {found.unchanged:,}", soft_wrap=True
    )
    if found.days:
        console.print(f"  days: {_days_text(found.days)}", soft_wrap=True)
    if found.columns:
        columns = (f"{name} {rows:,}" for name, rows in found.columns.items())
        console.print(f"  changed rows by column: {', '.join(columns)}", soft_wrap=True)
    for names, why in ((found.not_compared, "each snapshot has its own"), (found.only_in_one, "one version lacks it")):
        if names:
            console.print(f"  not compared: {', '.join(names)} ({why})", soft_wrap=True)
    for old, new in found.samples:
        console.print(_sample(old, new, key), soft_wrap=True)


def _sample(old: "Row | None", new: "Row | None", key: tuple[str, ...]) -> str:
    """A row as `+`, `-` or `~`, then its columns; of a changed one its key and what each value was and is."""
    if old and new:
        columns = {name: value for name, value in new.items() if name in key}
        changes = (f"{name}={old[name]} -> {value}" for name, value in new.items() if old[name] != value)
        return f"[yellow]~[/] {escape(_columns(columns))}: {escape(', '.join(changes))}"
    return f"[red]-[/] {escape(_columns(old))}" if old else f"[green]+[/] {escape(_columns(new or {}))}"


def _columns(row: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in row.items())


def _days_text(days: tuple[date, ...]) -> str:
    from olist_assets.operations.selection import span_text, spans

    listed = [span_text(span) for span in spans(days)]
    more = ", …" if len(listed) > SPANS_SHOWN else ""
    return f"{', '.join(listed[:SPANS_SHOWN])}{more} ({len(days):,} in all)"
