"""The only place that reads or writes a table with Spark."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from deltalake import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.engine import write_plan as writes
from olist_assets.catalog import table
from olist_assets.contracts.table import Column, Table
from olist_assets.source.drift import drift
from olist_assets.errors import OlistError
from olist_assets.lakehouse.locks import table_lock
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.spark.session import Spark
from olist_assets.lakehouse.schemas import SchemaChange, add_columns, schema_change, shape
from olist_assets.settings import Settings
from olist_assets.source.files import source_folder
from olist_assets.engine.write_plan import Span, Stored, Write, other_days_changed, planned


class ContractViolation(OlistError):
    """A frame that is not what its contract says; nothing was written."""


NULL_REFUSED = re.compile(r"NOT NULL constraint violated for column: (\w+(?:\.\w+)*)")
DISK_FULL = "No space left on device"


class DeltaIOManager(dg.ConfigurableIOManager):
    """Writes an asset's frame as one Delta commit and reads upstream tables, both cut to the run's partitions."""

    spark: dg.ResourceDependency[Spark]
    schema_policy: dg.ResourceDependency[SchemaPolicy]

    def handle_output(self, context: dg.OutputContext, obj: DataFrame) -> None:
        started, contract = time.monotonic(), table(context.asset_key.to_user_string())
        span = span_of(context, contract)
        written, other_days = self.store(obj, contract, span, run_metadata(context))
        figures = output_metadata(written, contract, started)
        context.add_output_metadata(figures)
        # The table is written: what cannot be audited is said, and undoes nothing.
        audit_log.record_or(
            context.log.warning, Settings(), "write", [contract.name], run_id=context.run_id,
            statement=f"version {written.version()}", rows=figures["dagster/row_count"], seconds=figures["seconds"],
        )  # fmt: skip
        if span:
            report_days(context, written, contract, span, other_days)

    def load_input(self, context: dg.InputContext) -> DataFrame:
        settings, contract = Settings(), table(context.asset_key.to_user_string())
        # Asked of the log first: the message then names the table and how to make it.
        lakehouse.open_table(settings, contract.name)
        frame = self._read(lakehouse.table_path(settings, contract.name))
        span = span_of(context, contract)
        return frame.where(span.predicate) if span else frame

    def store(
        self, frame: DataFrame, contract: Table, span: Span | None, said: dict[str, Any]
    ) -> tuple[DeltaTable, tuple[date, ...]]:
        """Write a frame as one commit that says `said`; gives the table and the days outside the span that it changed.

        All that depends on what is stored happens while no other process can change it.
        """
        settings = Settings()
        path = lakehouse.table_path(settings, contract.name)
        with table_lock(path, settings.lock_timeout, f"run {said['run_id']}"):
            before = lakehouse.made(settings, [contract.name]).get(contract.name)
            contract, frame = received(contract, frame, before)
            change = self._allowed_change(contract, before, span)
            write = planned(frame, contract, span, Stored(before, self._read(path)) if before else None)
            self._write(write, contract, path, change, json.dumps(said | changes_told(change, contract)))
            after = lakehouse.open_table(settings, contract.name)
            return after, other_days_changed(before, after, contract, span) if span else ()

    def _read(self, path: Path) -> DataFrame:
        return self.spark.session.read.format("delta").load(str(path))

    def _allowed_change(self, contract: Table, stored: DeltaTable | None, span: Span | None) -> SchemaChange | None:
        """What must become of the stored schema; None for a new table. Raises ContractViolation for a refused one."""
        if stored is None:
            return None
        change = schema_change(shape(stored), contract)
        if change.breaking:
            said = f"{contract.name} as stored differs from its contract: {'; '.join(change.breaking)}."
            if not self.schema_policy.allow_change:
                raise ContractViolation(f"{said} Nothing was written. To change it, run with --allow-schema-change.")
            if span and not span.covers(lakehouse.day_bounds(stored, span.column)):
                raise ContractViolation(f"{said} Nothing was written: such a change needs all its days in one run.")
        return change

    def _write(self, write: Write, contract: Table, path: Path, change: SchemaChange | None, said: str) -> None:
        frame = arranged(conformed(write.frame, contract), contract)
        is_new = change is None or bool(change.breaking)
        if is_new:
            self._create(contract, path)
        elif change and change.added:
            self.spark.session.sql(f"ALTER TABLE delta.`{path}` ADD COLUMNS ({add_columns(change.added, contract)})")
        writer = frame.write.format("delta").options(userMetadata=said, maxRecordsPerFile=writes.ROWS_PER_FILE)
        if write.replaces and not is_new:
            writer = writer.option("replaceWhere", write.replaces)
        with faults_named(contract):
            # A new table has no rows to replace: appending to it spares Delta the search for them.
            writer.mode("append" if is_new else "overwrite").save(str(path))

    def _create(self, contract: Table, path: Path) -> None:
        """A commit of its own carries what a DataFrame writer cannot: NOT NULL, comments, clustering."""
        cluster = f"CLUSTER BY ({contract.cluster_by})" if contract.cluster_by else ""
        definition = f"({contract.ddl()}) USING DELTA {cluster} TBLPROPERTIES ('delta.enableDeletionVectors' = 'false')"
        sql = self.spark.session.sql
        if not delta_log.commits(path):
            sql(f"CREATE TABLE delta.`{path}` {definition}")
            return
        # Delta replaces what is in a catalog only: the session's own lends the table a name, and forgets it.
        sql(f"DROP TABLE IF EXISTS {contract.name}")
        sql(f"CREATE TABLE {contract.name} USING DELTA LOCATION '{path}'")
        sql(f"REPLACE TABLE {contract.name} {definition} LOCATION '{path}'")
        sql(f"DROP TABLE {contract.name}")


def span_of(context: dg.OutputContext | dg.InputContext, contract: Table) -> Span | None:
    """The run's partitions of a daily table; None for a table without partitions."""
    if contract.cluster_by is None or not context.has_asset_partitions:
        return None
    window = context.asset_partitions_time_window
    return Span(contract.cluster_by, window.start.date(), window.end.date())


def received(contract: Table, frame: DataFrame, stored: DeltaTable | None) -> tuple[Table, DataFrame]:
    """A snapshot's contract and frame with the columns that its source has, or had once, beyond those agreed on."""
    if contract.source is None:
        return contract, frame
    known = (*(shape(stored) if stored else ()), *frame.columns)
    extra = [name for name in dict.fromkeys(known) if name not in contract.column_names]
    columns = (Column(name, "string", "Not in the contract.", nullable=True) for name in extra)
    gone = (F.lit(None).cast("string").alias(name) for name in extra if name not in frame.columns)
    return replace(contract, columns=(*contract.columns, *columns)), frame.select("*", *gone)


def run_metadata(context: dg.OutputContext) -> dict[str, Any]:
    """What a commit says of its run, so that DESCRIBE HISTORY is the audit log."""
    partitions = None
    if context.has_asset_partitions:
        keys = context.asset_partition_key_range
        partitions = keys.start if keys.start == keys.end else f"{keys.start}..{keys.end}"
    return {"run_id": context.run_id, "partitions": partitions, "code_version": context.version}


def changes_told(change: SchemaChange | None, contract: Table) -> dict[str, Any]:
    """What a commit says besides: how the schema or the source changed."""
    said: dict[str, Any] = {}
    if change:
        said["schema_change"] = change.described()
    if contract.source:
        found = drift(source_folder(Settings()) / contract.source.name, contract.source)
        said |= {"source_drift": found.described()} if found.described() else {}
    return said


def report_days(
    context: dg.OutputContext, written: DeltaTable, contract: Table, span: Span, other_days: tuple[date, ...]
) -> None:
    """Tell Dagster the rows of each day of the run, and of the other days that the same commit changed."""
    concerned = " OR ".join([span.predicate, *(f"{span.column} = DATE'{day}'" for day in other_days)])
    rows = lakehouse.rows_by_day(written, contract.name, span.column, concerned)
    for day in context.asset_partition_keys:
        context.step_context.add_asset_metadata(
            {"dagster/partition_row_count": rows.get(day, 0)}, context.asset_key, day
        )
    for day in map(str, other_days):
        figures = {"dagster/partition_row_count": rows.get(day, 0), "delta_version": written.version()}
        context.log_event(dg.AssetMaterialization(context.asset_key, partition=day, metadata=figures))


def conformed(frame: DataFrame, contract: Table) -> DataFrame:
    """The frame, once its columns are the contract's. Raises ContractViolation naming each difference."""
    found = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    problems = [f"missing {c.name} {c.type}" for c in contract.columns if c.name not in found]
    problems += [f"unexpected {name}" for name in found if name not in contract.column_names]
    problems += [
        f"{c.name} is {found[c.name]}, not {c.type}"
        for c in contract.columns
        if c.name in found and found[c.name] != c.type
    ]
    if problems:
        differences = "; ".join(problems)
        raise ContractViolation(f"{contract.name} differs from its contract: {differences}. Nothing was written.")
    return frame.select(*contract.column_names)


def arranged(frame: DataFrame, contract: Table) -> DataFrame:
    """Sorted by the clustering column, so that data skipping works before any OPTIMIZE."""
    if contract.cluster_by is None:
        return frame
    return frame.coalesce(1).sortWithinPartitions(contract.cluster_by, *contract.key)


@contextmanager
def faults_named(contract: Table) -> Iterator[None]:
    """A null that Delta refuses and a full disk are said in one line. Raises OlistError instead of a Java trace."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if found := NULL_REFUSED.search(str(error)):
            raise ContractViolation(
                f"{contract.name}.{found[1]} is required and a row has none. Nothing was written."
            ) from error
        if DISK_FULL in str(error):
            raise OlistError(f"{DISK_FULL}: {contract.name} is as it was. Make room and run again.") from error
        raise


def output_metadata(written: DeltaTable, contract: Table, started: float) -> dict[str, Any]:
    """What Dagster records of a write, all of it from the Delta log."""
    figures = lakehouse.statistics(written)
    return {
        "dagster/row_count": figures["rows"],
        "delta_version": written.version(),
        "files": figures["files"],
        "bytes": figures["bytes"],
        "seconds": round(time.monotonic() - started, 3),
        "path": dg.MetadataValue.path(str(lakehouse.table_path(Settings(), contract.name))),
    }
