"""The commands for incidents."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table as Grid

from olist_assets.cli.options import AS_WIDE_AS_IT_IS, SafeConsole, console, format_option
from olist_assets.cli.output import print_records
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from olist_assets.lakehouse.warehouse import Warehouse
    from olist_assets.monitoring.event_log import EventLog
    from olist_assets.monitoring.incidents import Incident

number_argument = click.argument("number", type=click.IntRange(min=1))
note_option = click.option("--note", help="A sentence for whoever reads the incident; it replaces an earlier note.")


@click.group(invoke_without_command=True)
@click.option("--all", "show_all", is_flag=True, help="Closed ones too.")
@format_option
@click.pass_context
def incidents(context: click.Context, *, show_all: bool, form: str) -> None:
    """List what fails, since when, and what it affects, the worst first; or act on one incident.

    Failing checks and runs of one table, and of tables downstream that fail soon after it, are one incident.

    \b
    olist incidents
    olist incidents --all --format json
    olist incidents ack 3 --note "The supplier sends a new file at noon."
    olist incidents mute 3 --until 2026-12-01
    olist incidents close 3 --note "Black Friday: the orders are right."
    """
    if context.invoked_subcommand:
        return
    from olist_assets.monitoring.incidents import Incident
    from olist_assets.monitoring.monitoring_incidents import current_incidents

    with _logs() as (warehouse, log):
        known = current_incidents(warehouse, log)
    shown = sorted((each for each in known if show_all or each.closed_at is None), key=lambda each: each.rank)
    if form != "table":
        print_records([_record(each) for each in shown], [field.name for field in fields(Incident)], form)
    elif shown:
        SafeConsole(width=AS_WIDE_AS_IT_IS).print(_grid(shown, warehouse.settings.runbooks))
    else:
        console.print("No incidents." if show_all else "No open incidents.")


@incidents.command()
@number_argument
@note_option
def ack(number: int, note: str | None) -> None:
    """Say that you work on an incident: it is not repeated, unless it gets worse.

    \b
    olist incidents ack 3
    olist incidents ack 3 --note "The supplier sends a new file at noon."
    """
    from olist_assets.monitoring.monitoring_incidents import acknowledge

    _act(lambda warehouse, log: acknowledge(warehouse, log, number, note), "acknowledged")


@incidents.command()
@number_argument
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The first day with alerts again.")
@note_option
def mute(number: int, until: datetime, note: str | None) -> None:
    """Send no alert about an incident before a day (UTC), unless it gets worse.

    \b
    olist incidents mute 3 --until 2026-12-01 --note "The strike ends in November."
    """
    from olist_assets.monitoring.monitoring_incidents import mute

    _act(lambda warehouse, log: mute(warehouse, log, number, until.date(), note), f"muted until {until:%Y-%m-%d}")


@incidents.command()
@number_argument
@note_option
def close(number: int, note: str | None) -> None:
    """End an incident. What still fails opens another one the next time it fails.

    \b
    olist incidents close 3 --note "Black Friday: the orders are right."
    """
    from olist_assets.monitoring.monitoring_incidents import close

    _act(lambda warehouse, log: close(warehouse, log, number, note), "closed")


@contextmanager
def _logs() -> "Iterator[tuple[Warehouse, EventLog]]":
    from olist_assets.catalog import catalog
    from olist_assets.lakehouse.warehouse import Warehouse
    from olist_assets.monitoring.event_log import EventLog
    from olist_assets.orchestration.instance import instance

    settings = Settings()
    warehouse = Warehouse(settings, catalog())
    with instance(settings) as storage:
        yield warehouse, EventLog(storage, warehouse)


def _act(act: "Callable[[Warehouse, EventLog], Incident]", done: str) -> None:
    from olist_assets.monitoring.wording import headline

    with _logs() as (warehouse, log):
        found = act(warehouse, log)
    console.print(f"[green]✓[/] {escape(headline(found))}: {done}", soft_wrap=True)


def _record(incident: "Incident") -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(incident).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return " ".join(value)
    return value.isoformat() if isinstance(value, date) else value


def _grid(shown: "list[Incident]", runbooks: str) -> Grid:
    from olist_assets.monitoring.runbooks import runbook_links
    from olist_assets.monitoring.wording import headline, some, state

    grid = Grid(box=None, pad_edge=False)
    for heading in ("severity", "since (UTC)", "last seen", "state", "incident", "affects", "what to do", "note"):
        grid.add_column(heading, no_wrap=True)
    for each in shown:
        times = (f"{at:%Y-%m-%d %H:%M}" for at in (each.opened_at, each.last_seen_at))
        links = runbook_links(each, runbooks)
        cells = (headline(each), some(each.affects), ", ".join(links), each.note or "")
        grid.add_row(each.severity, *times, escape(state(each)), *(escape(cell) or "-" for cell in cells))
    return grid
