"""Commands for the versions of a table."""

from datetime import date
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table as Grid

from olist_assets.cli.options import AS_WIDE_AS_IT_IS, SafeConsole, console, format_option
from olist_assets.cli.output import print_records
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from olist_assets.lakehouse.table_diff import Diff, Row
    from olist_assets.lakehouse.time_travel import Version
    from olist_assets.lakehouse.warehouse import Warehouse

SPANS_SHOWN = 10

# The fields of a version in JSON and CSV, in this order.
FIELDS = (
    "version", "at", "operation", "who", "run_id", "partitions", "code_version", "rows", "written", "deleted", "notes",
)  # fmt: skip


@click.command()
@click.argument("table")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Versions, newest first.")
@format_option
def history(table: str, limit: int, form: str) -> None:
    """Versions of a table: when, by whom, in which run, which partitions, how many rows.

    \b
    olist history silver_orders
    olist history --format json gold_customer_metrics
    """
    from olist_assets.lakehouse import time_travel

    versions = time_travel.history(_warehouse(), table, limit)
    if form == "table":
        # Not limited to the terminal, so that each version stays one line in a file or pager.
        SafeConsole(width=AS_WIDE_AS_IT_IS).print(_history_grid(versions))
        return
    records = [
        {name: getattr(version, name) for name in FIELDS} | {"at": version.at.isoformat()} for version in versions
    ]
    print_records(records, FIELDS, form)


@click.command()
@click.argument("table")
@click.argument("old", type=int)
@click.argument("new", type=int)
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Rows shown of each kind.")
def diff(table: str, old: int, new: int, limit: int) -> None:
    """The differences between two versions of a table: rows added, removed and changed by its key.

    \b
    olist diff silver_orders 3 5
    olist diff --limit 0 gold_daily_metrics 1 2
    """
    from olist_assets.governance.audit_log import audited
    from olist_assets.lakehouse import time_travel

    warehouse = _warehouse()
    known = [table] if table in warehouse.catalog.tables else []
    with audited(warehouse, "diff", known, statement=f"versions {old} and {new}") as reading:
        found = time_travel.compare(warehouse, table, old, new, limit)
        reading.rows = len(found.samples)
    key = warehouse.catalog.table(table).key
    by = f"by {', '.join(key)}" if key else "whole rows: it has no key"
    console.print(f"{table}, version {old} to {new}, {by}", soft_wrap=True)
    _print_diff(found, key)


@click.command()
@click.argument("table")
@click.option("--version", type=int, required=True, help="See `olist history`.")
def restore(table: str, version: int) -> None:
    """Restore the content of a version by a new commit; the history stays, and Dagster is informed.

    If the newest entry of the table's log cannot be read, its files are set aside first.

    \b
    olist restore silver_orders --version 3
    """
    from olist_assets.operations.platform import Platform
    from olist_assets.operations.restore import restore as restore_table

    platform = Platform(Settings())
    done = restore_table(platform, table, version, lambda step: console.print(escape(step), soft_wrap=True))
    if done.version == done.version_before:
        console.print(f"{table} is at version {version}, its newest: {done.rows:,} rows. No commit was needed.")
    else:
        before = "unknown" if done.rows_before is None else f"{done.rows_before:,}"
        rows = f"{done.rows:,} rows, before {before}"
        console.print(f"{table}: version {done.version} has the content of version {version}: {rows}", soft_wrap=True)
    if done.days:
        console.print(f"Days changed: {_days_text(done.days)}", soft_wrap=True)
    console.print(
        "Tables made from it are unchanged. To list days that differ from bronze: olist stale", soft_wrap=True
    )


def _warehouse() -> "Warehouse":
    from olist_assets.catalog import catalog
    from olist_assets.lakehouse.warehouse import Warehouse

    return Warehouse(Settings(), catalog())


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
        counts = (version.rows, version.written, version.deleted)
        grid.add_row(
            str(version.version),
            at,
            *(escape(str(text)) if text else "-" for text in texts),
            *("-" if count is None else f"{count:,}" for count in counts),
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
    for names, why in ((found.not_compared, "different in every version"), (found.only_in_one, "one version lacks it")):
        if names:
            console.print(f"  not compared: {', '.join(names)} ({why})", soft_wrap=True)
    for old, new in found.samples:
        console.print(_sample(old, new, key), soft_wrap=True)


def _sample(old: "Row | None", new: "Row | None", key: tuple[str, ...]) -> str:
    """A row as `+`, `-` or `~` with its columns; of a changed row the key, and the old and new values."""
    if old and new:
        columns = {name: value for name, value in new.items() if name in key}
        changes = (f"{name}={old[name]} -> {value}" for name, value in new.items() if old[name] != value)
        return f"[yellow]~[/] {escape(_columns(columns))}: {escape(', '.join(changes))}"
    return f"[red]-[/] {escape(_columns(old))}" if old else f"[green]+[/] {escape(_columns(new or {}))}"


def _columns(row: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in row.items())


def _days_text(days: tuple[date, ...]) -> str:
    from olist_assets.contracts.calendar import span_text, spans

    listed = [span_text(span) for span in spans(days)]
    more = ", …" if len(listed) > SPANS_SHOWN else ""
    return f"{', '.join(listed[:SPANS_SHOWN])}{more} ({len(days):,} in all)"
