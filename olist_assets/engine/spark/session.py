"""Spark for Dagster: the session's settings in one place, and the source files as a resource."""

import shutil
import socket
import subprocess
from functools import cached_property
from pathlib import Path
from threading import Lock
from urllib.parse import urlparse
from weakref import WeakSet

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from olist_assets.engine.spark.class_archive import archive_path, make_archive, use_option
from olist_assets.source.drift import checked_file
from olist_assets.errors import OlistError
from olist_assets.governance import erasures
from olist_assets.engine.spark.jars import jar_sets
from olist_assets.lakehouse.object_store import store_config
from olist_assets.settings import Settings
from olist_assets.contracts.source_files import CORRUPT, SourceFile
from olist_assets.source.dialect import line_end

MINIMUM_JAVA = 17
# HotSpot's optimizing compiler took a third of a run's processor time, most of it for code that plans and compiles
# queries and soon is done. Here it waits for what runs sixteen times as often as by default: loops over many rows.
LATE_C2 = (
    "-XX:Tier4InvocationThreshold=80000 -XX:Tier4MinInvocationThreshold=9600 "
    "-XX:Tier4CompileThreshold=240000 -XX:Tier4BackEdgeThreshold=640000 -XX:ReservedCodeCacheSize=512m"
)
# And what it compiles, it compiles with less of what that calls: half of HotSpot's limits.
LESS_INLINED = "-XX:MaxInlineLevel=9 -XX:FreqInlineSize=150 -XX:InlineSmallCode=1200"
JVM_OPTIONS = f"-XX:+UseParallelGC {LATE_C2} {LESS_INLINED}"
CONNECT_PORT, CONNECT_SECONDS = 15002, 5
_STARTING, _SESSIONS = Lock(), WeakSet[SparkSession]()
LOG_CONFIG = Path(__file__).with_name("log4j2.properties").as_uri()


def spark_config(settings: Settings) -> dict[str, str]:
    """Settings that matter at this size; over Spark Connect the server has its own."""
    if settings.spark_remote:
        return {"spark.remote": settings.spark_remote, "spark.sql.session.timeZone": "UTC"} | settings.spark_conf
    jars = ":".join(str(jar) for jars in jar_sets(settings) for jar in jars.fetched(settings.cache))
    config = {
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # On the class path, not spark.jars: nothing is copied or served.
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        "spark.driver.extraJavaOptions": f"{JVM_OPTIONS} -Dlog4j2.configurationFile={LOG_CONFIG}",
        # Spark keeps 100 compiled classes and makes the others again; a run of the whole graph has 700.
        "spark.sql.codegen.cache.maxEntries": "5000",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        # Spark makes this folder, though no table of ours is put there: not in the working directory, then.
        "spark.sql.warehouse.dir": str(settings.cache / "spark-warehouse"),
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        # Re-planning after each stage costs more than it saves below some gigabytes.
        "spark.sql.adaptive.enabled": "false",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
        # Sets and percentiles of so many groups a task stay in a hash table; Spark sorts from 128 on.
        "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "100000",
        # OPTIMIZE joins up to files of this size, as few days as the files of a first write (Delta's own: 1 GB).
        "spark.databricks.delta.optimize.maxFileSize": str(16 << 20),
        "spark.databricks.delta.optimize.minFileSize": str(16 << 20),
        # VACUUM lists a table's folders by so many tasks; Spark's default is 10,000, for a handful of folders.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "32",
        # A run that writes no row is a run all the same: it stands in the table's history.
        "spark.databricks.delta.skipRecordingEmptyCommits": "false",
        # A broadcast also waits while other steps have the cores: with much data longer than Spark's five minutes.
        "spark.sql.broadcastTimeout": "3600",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if settings.is_in_object_store:
        config |= store_config()
    archive = archive_path(settings.cache, java_version(), jars)
    make_archive(archive, config)
    config["spark.driver.extraJavaOptions"] += f" {use_option(archive)}"
    return config | settings.spark_conf


def java_version() -> str:
    """The version of the Java that Spark will start. Raises OlistError when there is none, or one older than 17."""
    advice = f"Install Java {MINIMUM_JAVA} or newer (for example Debian's openjdk-17-jre-headless)."
    java = shutil.which("java")
    if not java:
        raise OlistError(f"Spark needs Java and found none on the PATH. {advice}")
    text = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = text.split('"')[1] if '"' in text else "0"
    if int(version.split(".")[0]) < MINIMUM_JAVA:
        raise OlistError(f"Spark needs Java {MINIMUM_JAVA}; {java} is {version}. {advice}")
    return version


def require_spark(settings: Settings) -> None:
    """Raises OlistError where there is no Java to start Spark with, or no server at the Spark Connect address."""
    if settings.spark_remote:
        _require_server(settings.spark_remote)
    else:
        java_version()


def _require_server(remote: str) -> None:
    # Its client would try for minutes.
    address = urlparse(remote)
    try:
        place = (address.hostname or "", address.port or CONNECT_PORT)
        socket.create_connection(place, timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise OlistError(
            f"No Spark Connect server answers at {remote} ({error}). Start one: olist spark-server; "
            "or unset OLIST_SPARK_REMOTE."
        ) from error


class Spark(dg.ConfigurableResource):
    """The one Spark session of a process, started at its first use through dagster-pyspark."""

    @cached_property
    def _session(self) -> SparkSession:
        settings = Settings()
        require_spark(settings)
        with _STARTING:
            session = LazyPySparkResource(spark_config=spark_config(settings)).spark_session
        _SESSIONS.add(session)
        return session

    @property
    def session(self) -> SparkSession:
        session = self._session
        if Settings().spark_remote:
            from pyspark.sql.connect.session import SparkSession as RemoteSession

            # Models are written and read by the thread's own session, and only the thread that started it has one.
            RemoteSession._set_default_and_active_session(session)  # pyright: ignore
        return session

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """End a run's session on a server, and with it what the run left there; the embedded one is the process's.

        Models that a failed training left behind would ask the server to forget them as Python ends, and wait for ever.
        """
        if Settings().spark_remote and "_session" in vars(self):
            self._session.stop()


def interrupt_spark() -> None:
    """Cancel what Spark does for this process at this moment: whoever waits for it gets an error."""
    for session in tuple(_SESSIONS):  # a thread may be about to start one
        session.interruptAll()


class SchemaPolicy(dg.ConfigurableResource):
    """Whether a run may change the schema of a stored table, or read a source whose columns changed, at a loss."""

    allow_change: bool = False


class OlistSource(dg.ConfigurableResource):
    """The nine source files as frames of strings, exactly as received but for customers who are forgotten."""

    spark: dg.ResourceDependency[Spark]
    schema_policy: dg.ResourceDependency[SchemaPolicy]

    def read(self, source: SourceFile) -> DataFrame:
        """All records of a file: its agreed columns, `ingestion_timestamp`, `source_file`, `_corrupt_record`, new ones.

        Where the run allows a schema change, agreed columns that the file lacks are null.
        """
        path, drift = checked_file(source, allow_change=self.schema_policy.allow_change)
        columns = [StructField(name, StringType()) for name in (*drift.header, CORRUPT)]
        frame = (
            self.spark.session.read.schema(StructType(columns))
            .options(header=True, multiLine=True, lineSep=line_end(path), quote='"', escape='"', encoding="UTF-8")
            .options(columnNameOfCorruptRecord=CORRUPT, ignoreLeadingWhiteSpace=False, ignoreTrailingWhiteSpace=False)
            .csv(str(path))
        )
        received = frame.select(
            *(F.lit(None).cast("string").alias(n) if n in drift.missing else F.col(n) for n in source.columns),
            F.current_timestamp().alias("ingestion_timestamp"),
            F.lit(source.name).alias("source_file"),
            CORRUPT,
            *drift.added,
        )
        forgotten = erasures.Erasures(Settings()) if source.name in erasures.KEYS else None
        if not forgotten:
            return received
        with erasures.source_files(path.parent) as files:
            return erasures.erased(received, source, forgotten.found(files))
