"""The only place that reads or writes a table with Spark."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from deltalake import DeltaTable
from filelock import FileLock, Timeout
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from olist_assets import lakehouse
from olist_assets.catalog import table
from olist_assets.contracts import Table
from olist_assets.errors import OlistError
from olist_assets.resources import Spark
from olist_assets.settings import Settings


class ContractViolation(OlistError):
    """A frame that is not what its contract says; nothing was written."""


NULL_REFUSED = re.compile(r"NOT NULL constraint violated for column: (\w+(?:\.\w+)*)")


class DeltaIOManager(dg.ConfigurableIOManager):
    """Writes an asset's frame as one Delta commit and reads upstream tables, both cut to the run's partitions."""

    spark: dg.ResourceDependency[Spark]

    def handle_output(self, context: dg.OutputContext, obj: DataFrame) -> None:
        settings, contract, started = Settings(), table(context.asset_key.to_user_string()), time.monotonic()
        path = settings.table_path(contract.name)
        predicate = window(context, contract)
        frame = conformed(obj, contract)
        if predicate:
            frame = frame.where(predicate)
        with table_lock(path, settings.lock_timeout):
            is_new = not DeltaTable.is_deltatable(str(path))
            if is_new:
                self._create(contract, path)
            writer = arranged(frame, contract).write.format("delta").option("userMetadata", commit_metadata(context))
            if predicate and not is_new:
                writer = writer.option("replaceWhere", predicate)
            with null_named(contract):
                # A new table has no rows to replace: appending to it spares Delta the search for them.
                writer.mode("append" if is_new else "overwrite").save(str(path))
            written = lakehouse.open_table(settings, contract.name)
        context.add_output_metadata(output_metadata(written, path, started))
        if predicate:
            rows = lakehouse.rows_by_day(written, contract.name, str(contract.cluster_by), predicate)
            for day in context.asset_partition_keys:
                context.step_context.add_asset_metadata(
                    {"dagster/partition_row_count": rows.get(day, 0)}, context.asset_key, day
                )

    def load_input(self, context: dg.InputContext) -> DataFrame:
        settings, contract = Settings(), table(context.asset_key.to_user_string())
        # Asked of the log first: the message then names the table and how to make it.
        path = lakehouse.open_table(settings, contract.name).table_uri
        frame = self.spark.session.read.format("delta").load(str(path))
        predicate = window(context, contract)
        return frame.where(predicate) if predicate else frame

    def _create(self, contract: Table, path: Path) -> None:
        """Version 0 carries what a DataFrame writer cannot: NOT NULL, comments, clustering."""
        cluster = f"CLUSTER BY ({contract.cluster_by})" if contract.cluster_by else ""
        self.spark.session.sql(
            f"CREATE TABLE delta.`{path}` ({contract.ddl()}) USING DELTA {cluster} "
            f"TBLPROPERTIES ('delta.enableDeletionVectors' = 'false')"
        )


def window(context: dg.OutputContext | dg.InputContext, contract: Table) -> str | None:
    """The run's partitions of a daily table as a half-open predicate; None for a table without partitions."""
    if contract.cluster_by is None or not context.has_asset_partitions:
        return None
    span = context.asset_partitions_time_window
    day = contract.cluster_by
    return f"{day} >= DATE'{span.start:%Y-%m-%d}' AND {day} < DATE'{span.end:%Y-%m-%d}'"


def commit_metadata(context: dg.OutputContext) -> str:
    """What the commit itself says of the run, so that DESCRIBE HISTORY is the audit log (JSON)."""
    partitions = None
    if context.has_asset_partitions:
        keys = context.asset_partition_key_range
        partitions = keys.start if keys.start == keys.end else f"{keys.start}..{keys.end}"
    return json.dumps({"run_id": context.run_id, "partitions": partitions, "code_version": context.version})


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
def null_named(contract: Table) -> Iterator[None]:
    """A write that Delta refuses for a null says so in one line. Raises ContractViolation instead of a Java trace."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        found = NULL_REFUSED.search(str(error))
        if not found:
            raise
        raise ContractViolation(
            f"{contract.name}.{found[1]} is required and a row has none. Nothing was written."
        ) from error


def output_metadata(table: Any, path: Path, started: float) -> dict[str, Any]:
    """What Dagster records of a write, all of it from the Delta log."""
    figures = lakehouse.statistics(table)
    return {
        "dagster/row_count": figures["rows"],
        "delta_version": table.version(),
        "files": figures["files"],
        "bytes": figures["bytes"],
        "seconds": round(time.monotonic() - started, 3),
        "path": dg.MetadataValue.path(str(path)),
    }


@contextmanager
def table_lock(path: Path, timeout: float) -> Iterator[None]:
    """One writer a table on a local disk, where Delta itself promises none. Released when its process dies.

    Raises OlistError after `timeout` seconds, naming who holds the table, and where nothing can be written.
    """
    lock, holder = FileLock(path.parent / f".{path.name}.lock"), path.parent / f".{path.name}.holder"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=timeout)
    except Timeout as error:
        who = holder.read_text() if holder.exists() else "another process"
        raise OlistError(f"{path.name} is being written by {who}; gave up after {timeout:g} s.") from error
    except OSError as error:
        raise OlistError(
            f"Cannot write to the warehouse {path.parent}: {error.strerror}. Set OLIST_WAREHOUSE."
        ) from error
    try:
        holder.write_text(f"process {os.getpid()}")
        yield
    finally:
        lock.release()
