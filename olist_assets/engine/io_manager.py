"""The only place that reads or writes a table of the graph, by the run's engine."""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import dagster as dg
import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.calendar import Calendar, span_text, spans
from olist_assets.contracts.table import Column, Table
from olist_assets.engine.conformance import ContractViolation
from olist_assets.engine.engine import Engine
from olist_assets.engine.event_records import alive
from olist_assets.engine.merge import IS_DELETE, is_merged
from olist_assets.engine.merging import merge_changes
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.upstream import upstream_frame
from olist_assets.engine.write_plan import Planner, Span, Stored
from olist_assets.governance import audit_log
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.order_days import changed_days, snapshot_calendar, store_calendar
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.lakehouse.schemas import SchemaChange, schema_change, shape
from olist_assets.lakehouse.statistics import day_bounds, statistics
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.source.drift import drift


class DeltaIOManager(dg.ConfigurableIOManager):
    """Writes an asset's frame as one Delta commit and reads upstream tables, both limited to the run's partitions."""

    warehouse: dg.ResourceDependency[Warehouse]
    engine: dg.ResourceDependency[Engine]
    schema_policy: dg.ResourceDependency[SchemaPolicy]
    calendar: dg.ResourceDependency[Calendar]

    def handle_output(self, context: dg.OutputContext, obj: DataFrame | pa.Table | None) -> None:
        """Write the rows, then report the write to Dagster and the audit log; None was written by its asset."""
        started, contract = time.monotonic(), self._contract(context)
        if obj is None:
            for table in self.warehouse.existing_tables([contract.name]).values():
                context.add_output_metadata(self._output_metadata(contract, table, started))
            return
        span = span_of(context, contract)
        with self.engine.framed(obj) if isinstance(obj, pa.Table) else nullcontext(obj) as frame:
            before, after, other_days = self.store(frame, contract, span, run_fields(context))
        metadata = self._output_metadata(contract, after, started)
        if contract.changes_days:
            metadata |= self._changed_days(contract, before, after)
        context.add_output_metadata(metadata)
        # The table is written already: a failure to log it is reported and undoes nothing.
        audit_log.record_or(
            context.log.warning, self.warehouse, "write", [contract.name], run_id=context.run_id,
            statement=f"version {after.version()}", rows=metadata["dagster/row_count"], seconds=metadata["seconds"],
        )  # fmt: skip
        if span:
            self._report_days(context, after, span, other_days)

    def load_input(self, context: dg.InputContext) -> DataFrame | pa.Table:
        """The upstream table as its reader's parameter wants it: a frame of the engine, or Arrow rows without it.

        Of a daily table a daily one gets the run's days. Raises TableMissing with the command that makes it.
        """
        contract = self._contract(context)
        span = span_of(context, contract)
        if context.dagster_type.typing_type is pa.Table:
            return self.warehouse.rows(self.warehouse.open(contract.name), where=span.predicate if span else "true")
        frame = upstream_frame(self.warehouse, self.engine, contract)
        return frame.where(span.predicate) if span else frame

    def store(
        self, frame: DataFrame, contract: Table, span: Span | None, fields: Mapping[str, Any]
    ) -> tuple[DeltaTable | None, DeltaTable, tuple[date, ...]]:
        """Write a frame as one commit with these fields of metadata, while no other process can change the table.

        Returns the table before and after, and the days outside the span that the write changed.
        """
        planner = Planner(self.warehouse, self.calendar)
        with self.warehouse.lock(self.warehouse.path(contract.name), f"run {fields['run_id']}"):
            before = self.warehouse.existing_tables([contract.name]).get(contract.name)
            if before:
                # The plan, and what is reported after the write, read the files of this version.
                require_plain_files(before)
            contract, frame = as_received(contract, frame, before)
            if is_merged(contract, before):
                after = self._merge(frame, contract, before, user_metadata(**fields))
                return before, after, ()
            change = self._allowed_change(contract, before, span)
            stored = Stored(before, partial(self.engine.read_table, before)) if before else None
            write = planner.plan(frame, contract, span, stored)
            metadata = user_metadata(**fields, **self._changes(change, contract))
            self.engine.write(self.warehouse.path(contract.name), contract, write, change, metadata)
            after = self.warehouse.open(contract.name)
            other_days = planner.other_days_changed(before, after, contract, span) if span else ()
            return before, after, other_days

    def _merge(self, frame: DataFrame, contract: Table, before: DeltaTable | None, metadata: str) -> DeltaTable:
        """Merge all changes that a table ever got: what it has stays, and what it lost comes back."""
        if contract.source:
            # As of now, while nobody else writes: the frame may be older than a deletion that the stream has merged.
            tombstones = upstream_frame(self.warehouse, self.engine, self.warehouse.catalog.table("bronze_tombstones"))
            frame = alive(frame, tombstones, contract.name, contract.source)
        merge_changes(self.warehouse, self.engine, contract, before, frame, metadata)
        return self.warehouse.open(contract.name)

    def _contract(self, context: dg.OutputContext | dg.InputContext) -> Table:
        return self.warehouse.catalog.table(context.asset_key.to_user_string())

    def _allowed_change(self, contract: Table, stored: DeltaTable | None, span: Span | None) -> SchemaChange | None:
        """The change of the stored schema; None for a new table. Raises ContractViolation if it is not allowed."""
        if stored is None:
            return None
        change = schema_change(shape(stored), contract)
        if change.breaking:
            problem = f"{contract.name} as stored differs from its contract: {'; '.join(change.breaking)}."
            if not self.schema_policy.allow_change:
                raise ContractViolation(f"{problem} Nothing was written. To change it, run with --allow-schema-change.")
            if span and not span.covers(day_bounds(stored, span.column)):
                raise ContractViolation(f"{problem} Nothing was written: such a change needs all days in one run.")
        return change

    def _changes(self, change: SchemaChange | None, contract: Table) -> dict[str, Any]:
        """Fields of a commit that describe a changed schema or source."""
        fields: dict[str, Any] = {"schema_change": change.described()} if change else {}
        if contract.source:
            with self.warehouse.sql() as con:
                differences = drift(con, self.warehouse.settings, contract.source).described()
            fields |= {"source_drift": differences} if differences else {}
        return fields

    def _output_metadata(self, contract: Table, after: DeltaTable, started: float) -> dict[str, Any]:
        """Dagster's metadata of a write, all of it from the Delta log."""
        found = statistics(after)
        return {
            "dagster/row_count": found.rows,
            "delta_version": after.version(),
            "files": found.files,
            "bytes": found.bytes,
            "seconds": round(time.monotonic() - started, 3),
            "path": dg.MetadataValue.path(str(self.warehouse.path(contract.name))),
        }

    def _changed_days(self, contract: Table, before: DeltaTable | None, after: DeltaTable) -> dict[str, Any]:
        """The days to make again, for the sensor `orders_changed`; stores the first and last day of the orders."""
        found = changed_days(self.warehouse, contract, before, after)
        if contract.source_day and (calendar := snapshot_calendar(self.warehouse, contract, after)):
            store_calendar(self.warehouse, calendar)
        return {"changed_days": [span_text(span) for span in spans(found)]}

    def _report_days(
        self, context: dg.OutputContext, after: DeltaTable, span: Span, other_days: tuple[date, ...]
    ) -> None:
        """Report to Dagster the rows of each day of the run, and of the other days that the same commit changed."""
        days = " OR ".join([span.predicate, *(f"{span.column} = DATE'{day}'" for day in other_days)])
        rows = self.warehouse.rows_by_day(after, span.column, days)
        for day in context.asset_partition_keys:
            context.step_context.add_asset_metadata(
                {"dagster/partition_row_count": rows.get(day, 0)}, context.asset_key, day
            )
        version = after.version()
        self.log_materializations(
            context,
            [
                dg.AssetMaterialization(
                    context.asset_key,
                    partition=day,
                    metadata={"dagster/partition_row_count": rows.get(day, 0), "delta_version": version},
                )
                for day in map(str, other_days)
            ],
        )

    def log_materializations(
        self, context: dg.OutputContext, materializations: Sequence[dg.AssetMaterialization]
    ) -> None:
        """Log materializations one by one, all that Dagster's public interface has; orchestration/ does so at once."""
        for materialization in materializations:
            context.log_event(materialization)


def span_of(context: dg.OutputContext | dg.InputContext, contract: Table) -> Span | None:
    """The run's partitions of a daily table; None for a table without partitions."""
    if contract.day is None or not context.has_asset_partitions:
        return None
    window = context.asset_partitions_time_window
    return Span(contract.day, window.start.date(), window.end.date())


def as_received(contract: Table, frame: DataFrame, stored: DeltaTable | None) -> tuple[Table, DataFrame]:
    """A snapshot's contract and frame, extended by columns that its source has, or once had, beyond the contract."""
    if contract.source is None:
        return contract, frame
    known = (*(shape(stored) if stored else ()), *frame.columns)
    extra = [name for name in dict.fromkeys(known) if name not in (*contract.column_names, IS_DELETE)]
    columns = (Column(name, "string", "Not in the contract.", nullable=True) for name in extra)
    missing = (F.lit(None).cast("string").alias(name) for name in extra if name not in frame.columns)
    return replace(contract, columns=(*contract.columns, *columns)), frame.select("*", *missing)


def run_fields(context: dg.OutputContext) -> dict[str, Any]:
    """Fields of a commit that identify its run, its partitions and the version of its code."""
    partitions = None
    if context.has_asset_partitions:
        keys = context.asset_partition_key_range
        partitions = keys.start if keys.start == keys.end else f"{keys.start}..{keys.end}"
    # OutputContext.version belongs to memoization and is always None.
    return {"run_id": context.run_id, "partitions": partitions, "code_version": context.asset_spec.code_version}
