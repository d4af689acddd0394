"""Commands of governance: the audit log, the tables as a role sees them, erasing a customer."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table as Grid

from olist_assets.cli.options import AS_WIDE_AS_IT_IS, FAILED, SafeConsole, console, format_option
from olist_assets.cli.output import print_records
from olist_assets.printable import printable
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from olist_assets.governance.audit_log import Verified
    from olist_assets.operations.forget_topic import OfTopic

PROBLEMS_SHOWN = 20


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Entries, newest first.")
@click.option("--table", help="Only entries about this table.")
@click.option("--action", help="Only this action: query, write, restore, maintain, export, forget, incident.")
@click.option("--user", help="Only entries of this user.")
@format_option
@click.option("--verify", is_flag=True, help="Instead, whether an entry was changed, removed, inserted or moved.")
def audit(limit: int, table: str | None, action: str | None, user: str | None, *, form: str, verify: bool) -> None:
    """Who read or changed what, and when.

    With --verify the exit code is 1 if the log is not intact, and 2 if this cannot be found out.

    \b
    olist audit
    olist audit --action query --user ana --limit 100
    olist audit --table gold_customer_metrics --format json
    olist audit --verify
    """
    from olist_assets.catalog import catalog
    from olist_assets.governance import audit_log
    from olist_assets.governance.audit_store import SCHEMA
    from olist_assets.lakehouse.warehouse import Warehouse

    warehouse = Warehouse(Settings(), catalog())
    if verify:
        _verify(audit_log.verify(warehouse))
        return
    conditions = {"table": table, "action": action, "user": user}
    given = {name: value for name, value in conditions.items() if value}
    entries = [_printable(entry) for entry in audit_log.latest(warehouse, limit, given)]
    if form == "table":
        SafeConsole(width=AS_WIDE_AS_IT_IS).print(_grid(entries))
        return
    records = [entry | {"at": entry["at"].isoformat(), "tables": " ".join(entry["tables"])} for entry in entries]
    print_records(records, SCHEMA.names, form)


def _verify(found: "Verified") -> None:
    for problem in found.problems[:PROBLEMS_SHOWN]:
        console.print(f"[red]✗[/] {escape(problem)}", soft_wrap=True)
    if found.problems:
        console.print(f"The audit log is not intact: {len(found.problems):,} problems.")
        raise click.exceptions.Exit(FAILED)
    console.print(f"[green]✓[/] {escape(found.described())}", soft_wrap=True)


def _printable(entry: dict[str, Any]) -> dict[str, Any]:
    texts = {name: printable(value) for name, value in entry.items() if isinstance(value, str)}
    return entry | texts | {"tables": [printable(name) for name in entry["tables"]]}


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--as", "role", help="A role of governance.yaml.  [default: OLIST_ROLE]")
@click.option(
    "--select", help="Tables, in Dagster's selection syntax; commas unite.  [default: all that the role sees]"
)
def export(directory: Path, role: str | None, select: str | None) -> None:
    """Write the tables as a role sees them into a new folder: a separate warehouse without the raw tables.

    \b
    olist export /srv/analysts --as analyst
    OLIST_WAREHOUSE=/srv/analysts olist sql "FROM gold_daily_metrics"
    """
    from olist_assets.operations.export import export as write_export
    from olist_assets.operations.platform import Platform

    with console.status(f"Writing to {directory}"):
        written = write_export(Platform(Settings()), directory, role, select)
    for name, rows in written.items():
        console.print(f"[green]✓[/] {name:<38} {rows:>12,} rows")
    console.print(f"{len(written)} tables. Next: OLIST_WAREHOUSE={directory} olist sql ...", soft_wrap=True)


@click.command()
@click.argument("customer")
@click.option(
    "--topic",
    type=click.Choice(["keep", "tombstones", "delete"]),
    default="keep",
    show_default=True,
    help="Of messages in Kafka: keep them, have a compacted topic drop the customer's, or delete all stored ones.",
)
def forget(customer: str, topic: "OfTopic") -> None:
    """Erase a customer from all tables and their old versions, and prove it.

    CUSTOMER is a customer_unique_id, or the customer_id of an order. Orders and amounts stay, under a random token; no
    later snapshot of the source brings the ids back. Older versions of the affected tables are deleted.

    Order events are erased too. Kafka itself keeps its messages until their time there ends, unless --topic says
    otherwise: `delete` deletes all messages of the topic that are stored, also for other readers.

    \b
    olist forget 0123456789abcdef0123456789abcdef
    olist forget 0123456789abcdef0123456789abcdef --topic delete
    """
    from olist_assets.operations.forget import forget as erase
    from olist_assets.operations.platform import Platform

    platform = Platform(Settings())
    proof = erase(platform, customer, lambda step: console.print(escape(step), soft_wrap=True), topic)
    console.print(f"[green]Proof:[/] {escape(proof.described(platform.warehouse.root))}", soft_wrap=True)


def _grid(entries: list[dict[str, Any]]) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    for heading in ("time (UTC)", "action", "outcome", "by", "role", "run"):
        grid.add_column(heading, no_wrap=True)
    for heading in ("rows", "seconds"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for heading in ("tables", "error", "statement"):
        grid.add_column(heading, no_wrap=True)
    for entry in entries:
        texts = (entry["action"], entry["outcome"], entry["by"], entry["role"], entry["run_id"] and entry["run_id"][:8])
        numbers = (
            "-" if entry[name] is None else f"{entry[name]:,.{digits}f}"
            for name, digits in (("rows", 0), ("seconds", 2))
        )
        details = (", ".join(entry["tables"]), entry["error"], entry["statement"])
        at = entry["at"].replace(tzinfo=None).isoformat(" ", "milliseconds")
        grid.add_row(at, *_cells(texts), *numbers, *_cells(details))
    return grid


def _cells(texts: tuple[str | None, ...]) -> list[str]:
    return [escape(text) if text else "-" for text in texts]
