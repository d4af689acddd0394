"""The same tables by one plain PySpark script, without Dagster, contracts or checks, for comparison.

`bare` uses the platform's own Spark settings, `defaults` those of Spark and Delta, and counts after each write.
Both run the platform's own transformations: they measure what Dagster, the contracts and the checks add, nothing else.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from olist_assets.catalog import catalog
from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.catalog import is_config
from olist_assets.engine.source_reader import SourceReader
from olist_assets.engine.spark.config import spark_config
from olist_assets.engine.spark.engine import SparkEngine
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.source.days import source_calendar

# The platform's settings without which nothing works: Delta, its JARs, the memory, and loopback addresses only.
REQUIRED = (
    "spark.master",
    "spark.driver.memory",
    "spark.driver.host",
    "spark.driver.bindAddress",
    "spark.driver.extraClassPath",
    "spark.sql.extensions",
    "spark.sql.catalog.spark_catalog",
    "spark.sql.session.timeZone",
    "spark.ui.enabled",
)


def session(settings: Settings, peer: str) -> SparkSession:
    config = spark_config(settings)
    builder = SparkSession.Builder()
    for name in config if peer == "bare" else REQUIRED:
        builder = builder.config(name, config[name])
    return builder.getOrCreate()


def tables_in_order() -> list[str]:
    """Names of the tables, each after those it reads; without the tables that need a model."""
    known = catalog()
    waiting, ordered = list(known.business_tables), []
    while ready := [name for name in waiting if set(known.parents(name)) <= {*ordered}]:
        ordered += ready
        waiting = [name for name in waiting if name not in ready]
    return ordered


class PeersEngine(SparkEngine):
    """The platform's readers over a given session; its own would have other settings."""

    def __init__(self, settings: Settings, session: SparkSession) -> None:
        super().__init__(settings)
        self._given = session

    @property
    def session(self) -> SparkSession:
        return self._given


class Script:
    """The transformations, called one after the other."""

    def __init__(self, settings: Settings, spark: SparkSession) -> None:
        self.warehouse, self.spark = Warehouse(settings, catalog()), spark
        engine = PeersEngine(settings, spark)
        with self.warehouse.sql() as con:
            calendar: Calendar = source_calendar(con, settings)
        self._calendar = calendar
        self._resources: dict[str, Any] = {
            "calendar": calendar,
            "source": SourceReader(self.warehouse, engine, allow_change=False),
        }

    def frame(self, name: str) -> DataFrame:
        """The frame of a table."""
        table, function = self.warehouse.catalog.table(name), self.warehouse.catalog.functions[name]
        frame = function(**self._arguments(function))
        return table.trailing.complete(frame, self._calendar) if table.trailing else frame

    def _arguments(self, function: Callable[..., DataFrame]) -> dict[str, Any]:
        parameters = inspect.signature(function).parameters.values()
        return {parameter.name: self._argument(parameter) for parameter in parameters}

    def _argument(self, parameter: inspect.Parameter) -> Any:
        if is_config(parameter):
            return parameter.annotation()
        return self._resources.get(parameter.name) or self.read(parameter.name)

    def read(self, name: str) -> DataFrame:
        return self.spark.read.format("delta").load(str(self.warehouse.path(name)))

    def write(self, name: str) -> None:
        path: Path = self.warehouse.path(name)
        self.frame(name).write.format("delta").mode("overwrite").save(str(path))


def main(peer: str) -> None:
    settings = Settings()
    script = Script(settings, session(settings, peer))
    for name in tables_in_order():
        script.write(name)
        if peer == "defaults":
            print(f"{name}: {script.read(name).count():,} rows")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
