"""One frame as one Delta commit, by Spark: the contract enforced, the table created, its schema evolved."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from olist_assets.contracts.quoting import spark_literal, spark_path
from olist_assets.contracts.table import Table
from olist_assets.engine import write_plan
from olist_assets.engine.conformance import DISK_FULL, conformed, disk_full, null_refused
from olist_assets.engine.merge import IS_DELETE, Changed, Merge
from olist_assets.engine.write_plan import Write
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.schemas import SchemaChange

NULL_REFUSED = re.compile(r"NOT NULL constraint violated for column: (\w+(?:\.\w+)*)")


@dataclass(frozen=True)
class DeltaWriter:
    """Writes the table of a contract at a path."""

    spark: SparkSession
    path: Path
    contract: Table

    def write(self, write: Write, change: SchemaChange | None, metadata: str) -> None:
        """Commit the rows; `change` is that of the stored schema, None for a new table. Raises OlistError."""
        frame = sorted_by_day(conformed(write.frame, self.contract), self.contract, write.ranges)
        is_new = change is None or bool(change.breaking)
        if is_new:
            self._create()
        elif change:
            self._add(change)
        writer = frame.write.format("delta").options(userMetadata=metadata, maxRecordsPerFile=write_plan.ROWS_PER_FILE)
        if write.replaces and not is_new:
            writer = writer.option("replaceWhere", write.predicate(spark_literal))
        with readable_errors(self.contract):
            # A new table has no rows to replace; appending spares Delta the search for them.
            writer.mode("append" if is_new else "overwrite").save(str(self.path))

    def merge(self, merge: Merge, view: str, change: SchemaChange) -> Changed:
        """Merge the changes, which `view` is the name of, into the table. Raises OlistError."""
        conformed(merge.frame.drop(IS_DELETE), self.contract)
        self._add(change)
        names = self.contract.column_names
        updates = ", ".join(f"t.`{name}` = s.`{name}`" for name in names)
        columns, values = (", ".join(f"{row}`{name}`" for name in names) for row in ("", "s."))
        with readable_errors(self.contract):
            done = self.spark.sql(
                f"MERGE INTO {spark_path(self.path)} t USING {view} s ON {merge.same_key} "
                f"WHEN MATCHED AND {merge.deletes} THEN DELETE "
                f"WHEN MATCHED AND {merge.updates} THEN UPDATE SET {updates} "
                f"WHEN NOT MATCHED AND NOT s.{IS_DELETE} THEN INSERT ({columns}) VALUES ({values})"
            ).collect()
        # Delta skips a batch that the table has already, and reports nothing then.
        return (
            Changed(*(done[0][f"num_{what}_rows"] for what in ("inserted", "updated", "deleted")))
            if done
            else Changed()
        )

    def _add(self, change: SchemaChange) -> None:
        if change.added:
            columns = ", ".join(column.ddl() for column in change.added)
            self.spark.sql(f"ALTER TABLE {spark_path(self.path)} ADD COLUMNS ({columns})")

    def _create(self) -> None:
        """A commit of its own for what a DataFrame writer cannot express: NOT NULL, comments, clustering."""
        cluster = f"CLUSTER BY ({self.contract.day})" if self.contract.day else ""
        properties = "TBLPROPERTIES ('delta.enableDeletionVectors' = 'false')"
        definition = f"({self.contract.ddl()}) USING DELTA {cluster} {properties}"
        if not delta_log.commits(self.path):
            self.spark.sql(f"CREATE TABLE {spark_path(self.path)} {definition}")
            return
        # Delta replaces only tables of a catalog: the session's own catalog has the table for a moment.
        name, place = self.contract.name, f"LOCATION {spark_literal(str(self.path))}"
        self.spark.sql(f"DROP TABLE IF EXISTS {name}")
        self.spark.sql(f"CREATE TABLE {name} USING DELTA {place}")
        self.spark.sql(f"REPLACE TABLE {name} {definition} {place}")
        self.spark.sql(f"DROP TABLE {name}")


def sorted_by_day(frame: DataFrame, contract: Table, ranges: tuple[date, ...]) -> DataFrame:
    """A daily table's rows sorted by day, so that data skipping works before any OPTIMIZE.

    They are in one partition, or in one for each of the ranges of days that begin at `ranges`.
    """
    if contract.day is None:
        return frame
    spread = frame.coalesce(1)
    if ranges:
        later = (F.when(F.col(contract.day) >= F.lit(first), 1).otherwise(0) for first in ranges[1:])
        spread = frame.repartitionById(len(ranges), reduce(add, later))
    return spread.sortWithinPartitions(contract.day, *contract.key)


@contextmanager
def readable_errors(contract: Table) -> Iterator[None]:
    """Raises OlistError of one line, instead of a Java trace, for a refused null and for a full disk."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if found := NULL_REFUSED.search(str(error)):
            raise null_refused(contract, found[1]) from error
        if DISK_FULL in str(error):
            raise disk_full(contract.name) from error
        raise
