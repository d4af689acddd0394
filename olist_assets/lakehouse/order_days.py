"""The days of the daily tables, as known from the last snapshot of the orders, and the days that a snapshot changed."""

import json
from datetime import date
from pathlib import Path

from deltalake import DeltaTable

from olist_assets.contracts.calendar import PUBLISHED, Calendar
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.table import Table
from olist_assets.lakehouse.warehouse import Warehouse


def calendar(warehouse: Warehouse) -> Calendar:
    """The days that the settings name, else those of the last snapshot of the orders, else the published dataset's."""
    if warehouse.settings.days:
        first, last = (date.fromisoformat(day) for day in warehouse.settings.days.split(".."))
        return Calendar(first, last)
    return stored_calendar(warehouse) or PUBLISHED


def stored_calendar(warehouse: Warehouse) -> Calendar | None:
    """The days of the last snapshot of the orders; None if there is none yet."""
    try:
        days = json.loads(_file(warehouse).read_text())
        return Calendar(date.fromisoformat(days["first"]), date.fromisoformat(days["last"]))
    except (OSError, ValueError, KeyError, TypeError):
        # The file repeats what the table has: without it, or with half of it, the next snapshot writes it again.
        return None


def store_calendar(warehouse: Warehouse, found: Calendar) -> None:
    """Write the days beside the tables, where definitions are loaded from without reading a table."""
    _file(warehouse).write_text(json.dumps({"first": str(found.first), "last": str(found.last)}))


def snapshot_calendar(warehouse: Warehouse, contract: Table, snapshot: DeltaTable) -> Calendar | None:
    """First and last day of a snapshot of the orders; None if no row has a valid time."""
    with warehouse.sql({contract.name: snapshot}) as con:
        first, last = con.execute(f"SELECT min(day), max(day) FROM {_days_of(contract)}").fetchall()[0]
    return Calendar(first, last) if first else None


def changed_days(
    warehouse: Warehouse, contract: Table, before: DeltaTable | None, after: DeltaTable
) -> tuple[date, ...]:
    """Days whose orders differ between two snapshots, in order; an order that moved changes both of its days."""
    compared = ", ".join(identifier(c.name) for c in contract.columns if not c.is_volatile)
    summary = (
        f"SELECT day, count(*) AS rows, sum(hash({compared})) AS hashes FROM {{}} WHERE day IS NOT NULL GROUP BY day"
    )
    new, old = summary.format(_days_of(contract, "after")), summary.format(_days_of(contract, "before"))
    tables = {"after": after} | ({"before": before} if before else {})
    with warehouse.sql(tables) as con:
        if before is None:
            found = con.execute(f"SELECT day FROM ({new}) ORDER BY day").fetchall()
        else:
            found = con.execute(
                f"SELECT day FROM ({new}) n FULL JOIN ({old}) o USING (day) WHERE n.rows IS DISTINCT FROM o.rows "
                "OR n.hashes IS DISTINCT FROM o.hashes ORDER BY day"
            ).fetchall()
    return tuple(day for (day,) in found)


def _days_of(contract: Table, view: str | None = None) -> str:
    """The snapshot's rows with their `day`, null where the text is no valid time."""
    return f"(SELECT *, TRY_CAST({identifier(str(contract.source_day))} AS DATE) AS day FROM {view or contract.name})"


def _file(warehouse: Warehouse) -> Path:
    return warehouse.root / "order_days.json"
