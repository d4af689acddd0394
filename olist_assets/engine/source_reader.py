"""The nine sources as frames of strings, exactly as received except for erased customers: files, or order events."""

from functools import cached_property

from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import (
    ADDED_COLUMNS,
    CORRUPT,
    INGESTED,
    SEQUENCE,
    SOURCE_NAME,
    SourceFile,
    subject_of,
)
from olist_assets.engine.engine import Engine
from olist_assets.engine.event_records import decoded, latest, may_be_about, records
from olist_assets.engine.upstream import upstream_frame
from olist_assets.governance import erasures
from olist_assets.governance.erasing import Found, erased
from olist_assets.lakehouse.feeds import fed_table
from olist_assets.lakehouse.schemas import shape
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.source.days import ORDERS, plausible_days
from olist_assets.source.drift import checked_file


class SourceReader:
    """Reads source files with the run's engine."""

    def __init__(self, warehouse: Warehouse, engine: Engine, *, allow_change: bool) -> None:
        self._warehouse, self._engine, self._allow_change = warehouse, engine, allow_change

    def read(self, source: SourceFile) -> DataFrame:
        """All records of a file: its agreed columns, those that reading adds, new ones.

        If the run allows a schema change, agreed columns that the file lacks are null. Raises OlistError for a file
        that cannot be read.
        """
        if fed := fed_table(self._warehouse, f"bronze_{subject_of(source)}"):
            # The stored messages have nothing of erased customers any more.
            return self._from_events(source, fed)
        settings = self._warehouse.settings
        with self._warehouse.sql() as con:
            file, drift = checked_file(con, settings, source, allow_change=self._allow_change)
            if source == ORDERS and not settings.days:
                # The days become partitions: too many of them are refused before anything is written.
                plausible_days(con, settings)
        received = self._engine.read_csv(file).select(
            *(F.lit(None).cast("string").alias(n) if n in drift.missing else F.col(n) for n in source.columns),
            F.current_timestamp().alias(INGESTED),
            F.lit(source.name).alias(SOURCE_NAME),
            CORRUPT,
            F.lit(None).cast("bigint").alias(SEQUENCE),
            *drift.added,
        )
        return erased(received, source, self._erased_customers)

    def _from_events(self, source: SourceFile, stored: DeltaTable) -> DataFrame:
        """The latest change of each record, of all events that are stored, with those that delete it."""
        events = upstream_frame(self._warehouse, self._engine, self._warehouse.catalog.table("bronze_order_events"))
        subject = subject_of(source)
        changes = decoded(events.where(may_be_about(subject))).where(F.col("subject") == subject)
        more = [name for name in shape(stored) if name not in (*source.columns, *ADDED_COLUMNS)]
        return records(latest(changes), source, more)

    @cached_property
    def _erased_customers(self) -> Found:
        """What belongs to customers on the list of erasures; what tells who is who is read once per run."""
        listed = erasures.Erasures(self._warehouse)
        if not listed:
            return Found()
        with self._warehouse.sql() as con:
            erasures.create_source_views(con, self._warehouse)
            return listed.found(con)
