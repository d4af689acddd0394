"""What order events have changed, as Dagster, the audit log and the calendar have to know it.

A batch is merged in seconds, and nobody downstream needs it that soon: all that has changed since the last report is
one. Which versions were reported is stored beside Dagster's event log, so what a killed process has merged is reported
by the next one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dagster as dg
from deltalake import DeltaTable

from olist_assets.contracts.calendar import span_text, spans
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.governance import audit_log
from olist_assets.lakehouse.feeds import is_fed
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.order_days import changed_days, snapshot_calendar, store_calendar, stored_calendar
from olist_assets.lakehouse.past_versions import has_changed_since
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.dagster_storage import read_text, write_text
from olist_assets.orchestration.runless import materialization
from olist_assets.order_events.batches import BATCHES, BRONZE, EVENTS, TOMBSTONES
from olist_assets.order_events.stream import Merged

POSITIONS = "olist/order_events"


@dataclass(frozen=True)
class Reporter:
    """Reports to one Dagster instance, by a run's context or without a run."""

    warehouse: Warehouse
    storage: dg.DagsterInstance
    emit: Callable[[dg.AssetMaterialization], object]
    warn: Callable[[str], object]
    run_id: str | None = None

    def report(self, batches: Sequence[Merged]) -> list[str]:
        """Report all tables with changes that were not reported yet, and log these batches; returns the tables."""
        known: dict[str, Any] = json.loads(read_text(self.storage, POSITIONS) or "{}")
        reported = []
        for name, table in self._fed().items():
            before = self._reported_version(known.get(name), name, table)
            if before is None or has_changed_since(location(table), before):
                contract = self.warehouse.catalog.table(name)
                days = self._changed_days(contract, table, before) if contract.source_day else {}
                self.emit(materialization(contract, table, **days))
                reported.append(name)
            known[name] = {"table": _id_of(table), "version": table.version()}
        write_text(self.storage, POSITIONS, json.dumps(known))
        if batches:
            self._audit(batches)
        return reported

    def _fed(self) -> dict[str, DeltaTable]:
        """The tables of the stream, and those that it has fed.

        The orders come last: whoever acts on their changed days finds the others reported.
        """
        orders = self.warehouse.catalog.orders.name
        names = [EVENTS, TOMBSTONES, BATCHES, *sorted(BRONZE, key=lambda name: name == orders)]
        existing = self.warehouse.existing_tables(names)
        return {name: table for name, table in existing.items() if name not in BRONZE or is_fed(table)}

    def _reported_version(self, known: Mapping[str, Any] | None, name: str, table: DeltaTable) -> int | None:
        """The version of which Dagster knows; None without one."""
        if known and known["table"] == _id_of(table):
            return min(known["version"], table.version())
        # Written from its file, and never reported as one that events feed.
        event = self.storage.get_latest_materialization_event(dg.AssetKey(name))
        metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
        found = metadata["delta_version"].value if "delta_version" in metadata else None
        return found if isinstance(found, int) and found <= table.version() else None

    def _changed_days(self, orders: Table, table: DeltaTable, before: int | None) -> dict[str, Any]:
        """The days to make again, for the sensor `orders_changed`; stores the first and last day of the orders."""
        calendar = snapshot_calendar(self.warehouse, orders, table)
        if calendar and calendar != stored_calendar(self.warehouse):
            store_calendar(self.warehouse, calendar)
        found = changed_days(self.warehouse, orders, self._earlier(orders.name, before), table)
        return {"changed_days": [span_text(span) for span in spans(found)]}

    def _earlier(self, name: str, version: int | None) -> DeltaTable | None:
        # Without the files of that version, every day may have changed.
        with suppress(OlistError):
            return None if version is None else self.warehouse.open(name, version)
        return None

    def _audit(self, batches: Sequence[Merged]) -> None:
        first, last = batches[0].row["batch"], batches[-1].row["batch"]
        audit_log.record_or(
            self.warn, self.warehouse, "write", sorted({EVENTS, *(name for each in batches for name in each.tables)}),
            run_id=self.run_id, statement=f"order events, batches {first}..{last}",
            rows=sum(merged.row["applied"] for merged in batches),
            seconds=round(sum(merged.row["seconds"] for merged in batches), 3),
        )  # fmt: skip


def _id_of(table: DeltaTable) -> str:
    return str(table.metadata().id)
