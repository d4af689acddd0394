"""The nine source files as frames of strings, exactly as received except for erased customers."""

from functools import cached_property

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import CORRUPT, INGESTED, SOURCE_NAME, SourceFile
from olist_assets.engine.engine import Engine
from olist_assets.governance import erasures
from olist_assets.governance.erasing import Found, erased
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.source.days import ORDERS, plausible_days
from olist_assets.source.drift import checked_file


class SourceReader:
    """Reads source files with the run's engine."""

    def __init__(self, warehouse: Warehouse, engine: Engine, *, allow_change: bool) -> None:
        self._warehouse, self._engine, self._allow_change = warehouse, engine, allow_change

    def read(self, source: SourceFile) -> DataFrame:
        """All records of a file: its agreed columns, `ingestion_timestamp`, `source_file`, `_corrupt_record`, new ones.

        If the run allows a schema change, agreed columns that the file lacks are null. Raises OlistError for a file
        that cannot be read.
        """
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
            *drift.added,
        )
        return erased(received, source, self._erased_customers)

    @cached_property
    def _erased_customers(self) -> Found:
        """What belongs to customers on the list of erasures; the three files that tell are read once per run."""
        listed = erasures.Erasures(self._warehouse)
        if not listed:
            return Found()
        with self._warehouse.sql() as con:
            erasures.create_source_views(con, self._warehouse.settings)
            return listed.found(con)
