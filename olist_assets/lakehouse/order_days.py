"""The days of the daily tables, as known from the last snapshot of the orders, and the days that a snapshot changed."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from olist_assets.contracts.calendar import MAX_DAYS, PUBLISHED, Calendar, each_day
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.source_files import CORRUPT, INGESTED, SEQUENCE
from olist_assets.contracts.source_values import plausible_day
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.lakehouse.feeds import fed_table
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.source.days import days_in, source_calendar


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
        found = Calendar(date.fromisoformat(days["first"]), date.fromisoformat(days["last"]))
        return found if (found.last - found.first).days < MAX_DAYS else None
    except (OSError, ValueError, KeyError, TypeError):
        # The file repeats what the table has: without it, or with half of it, the next snapshot writes it again.
        return None


def source_days(warehouse: Warehouse) -> Calendar:
    """The days that the source has now: those of the stored orders if events feed them, else those of their file.

    Raises OlistError without a plausible day, and for implausibly many.
    """
    orders = warehouse.catalog.orders
    stored = fed_table(warehouse, orders.name)
    if stored is None:
        with warehouse.sql() as con:
            return source_calendar(con, warehouse.settings)
    place = f"coalesce('The event ' || {SEQUENCE}, 'An order of the file')"
    with warehouse.sql({orders.name: stored}) as con:
        found = days_in(con, f"SELECT {place} AS place, day FROM {_days_of(orders)}", orders.name)
    if found is None:
        raise OlistError(f"{orders.name} has no order with a valid {orders.source_day}.")
    return found


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
    """Days that have to be made again because a table changed, in order.

    Of the orders themselves the days whose orders differ (an order that moved changes two days) and the days that were
    not in the calendar before, since the daily tables have rows for days without an order too; of a table with a
    reference to orders the days of those orders whose rows differ.
    """
    versions = {"after": after} | ({"before": before} if before else {})
    tables = dict(versions)
    if contract.source_day:
        relations = {view: _days_of(contract, view) for view in versions}
        query = f"SELECT day FROM ({_differing('day', contract, versions, relations)})"
    else:
        assert contract.orders is not None, f"{contract.name} has no reference to orders"
        snapshot = warehouse.catalog.orders
        tables |= warehouse.existing_tables([snapshot.name])
        if snapshot.name not in tables:
            return ()
        relations = {view: f"(SELECT *, {contract.orders.expression} AS order_key FROM {view})" for view in versions}
        keys = _differing("order_key", contract, versions, relations)
        query = (
            f"SELECT DISTINCT day FROM {_days_of(snapshot)} SEMI JOIN ({keys}) ON {contract.orders.column} = order_key"
        )
    with warehouse.sql(tables) as con:
        found = {day for (day,) in con.execute(f"{query} WHERE day IS NOT NULL").fetchall()}
    if contract.source_day:
        found |= _new_days(warehouse, contract, before, after)
    return tuple(sorted(found))


def days_of_orders(warehouse: Warehouse, contract: Table, snapshot: DeltaTable, keys: pa.Table) -> frozenset[date]:
    """The days of these orders in a snapshot; `keys` has them in its first column."""
    with warehouse.sql({contract.name: snapshot}) as con:
        con.register("keys", keys.rename_columns(["key"]))
        query = f"SELECT DISTINCT day FROM {_days_of(contract)} SEMI JOIN keys ON order_id = key WHERE day IS NOT NULL"
        return frozenset(day for (day,) in con.execute(query).fetchall())


def _new_days(warehouse: Warehouse, contract: Table, before: DeltaTable | None, after: DeltaTable) -> set[date]:
    """The days of the later snapshot's calendar that the earlier snapshot's lacks."""
    earlier = snapshot_calendar(warehouse, contract, before) if before else None
    later = snapshot_calendar(warehouse, contract, after)
    days = each_day(later.days) if later else []
    return {day for day in days if not (earlier and earlier.covers(day))}


def _differing(key: str, contract: Table, versions: Mapping[str, DeltaTable], relations: Mapping[str, str]) -> str:
    """The query of the keys whose rows differ between `before`, if there is one, and `after`."""
    summaries = {view: _summary(key, contract, versions[view], relation) for view, relation in relations.items()}
    if "before" not in summaries:
        return f"SELECT {key} FROM ({summaries['after']})"
    return (
        f"SELECT {key} FROM ({summaries['after']}) n FULL JOIN ({summaries['before']}) o USING ({key}) "
        "WHERE n.rows IS DISTINCT FROM o.rows OR n.hashes IS DISTINCT FROM o.hashes"
    )


def _summary(key: str, contract: Table, version: DeltaTable, relation: str) -> str:
    """The rows per key, and the sum of their hashes without volatile columns, which no order of the rows changes."""
    stored = {field.name for field in version.schema().fields}
    # A version from before a column was added to the contract lacks it.
    values = (identifier(c.name) if c.name in stored else "NULL" for c in contract.columns if not c.is_volatile)
    return f"SELECT {key}, count(*) AS rows, sum(hash({', '.join(values)})) AS hashes FROM {relation} GROUP BY {key}"


def _days_of(contract: Table, view: str | None = None) -> str:
    """The snapshot's rows with their `day`, null where the record or its time is invalid, as `source/` sees it."""
    day = f"CASE WHEN {CORRUPT} IS NULL THEN {plausible_day(str(contract.source_day), INGESTED)} END"
    return f"(SELECT *, {day} AS day FROM {view or contract.name})"


def _file(warehouse: Warehouse) -> Path:
    return warehouse.root / "order_days.json"
