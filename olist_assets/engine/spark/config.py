"""Spark's settings, all in one place."""

import os
import sys
from pathlib import Path

from olist_assets.engine.foreign_spark import forget_foreign_spark
from olist_assets.engine.spark.class_archive import archive_path, make_archive, use_option
from olist_assets.engine.spark.jars import fetched_jars
from olist_assets.engine.spark.java import java_version
from olist_assets.engine.spark.submit import spark_home
from olist_assets.lakehouse.object_store import store_config
from olist_assets.loopback import HOST
from olist_assets.private_files import scratch
from olist_assets.settings import Settings
from olist_assets.source.files import source_bytes

# HotSpot's optimizing compiler took a third of a run's processor time, mostly for code that plans and compiles queries
# and runs only briefly. These thresholds, 16 times the defaults, reserve it for loops over many rows.
LATE_C2 = (
    "-XX:Tier4InvocationThreshold=80000 -XX:Tier4MinInvocationThreshold=9600 "
    "-XX:Tier4CompileThreshold=240000 -XX:Tier4BackEdgeThreshold=640000 -XX:ReservedCodeCacheSize=512m"
)
# Half of HotSpot's inlining limits: each compilation is cheaper.
LESS_INLINED = "-XX:MaxInlineLevel=9 -XX:FreqInlineSize=150 -XX:InlineSmallCode=1200"
JVM_OPTIONS = f"-XX:+UseParallelGC {LATE_C2} {LESS_INLINED}"
LOG_CONFIG = Path(__file__).with_name("log4j2.properties").as_uri()

LOCAL = "local[2]"
ADAPTIVE_BYTES, PARTITION_BYTES = 1 << 30, 64 << 20


def spark_config(settings: Settings) -> dict[str, str]:
    """Settings for data of this size; over Spark Connect the server has its own.

    Also makes the environment of this process that in which they hold: those of another Spark are removed.
    """
    master = settings.spark_master or LOCAL
    _prepare_environment(is_local=master.startswith("local"))
    if settings.spark_remote:
        remote = settings.spark_remote.get_secret_value()
        return {"spark.remote": remote, "spark.sql.session.timeZone": "UTC"} | settings.spark_conf.get_secret_value()
    jars = ":".join(map(str, fetched_jars(settings)))
    config = {
        "spark.master": master,
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        # Paths are those of this machine, even if a Hadoop configuration names another default file system.
        "spark.hadoop.fs.defaultFS": "file:///",
        # On the class path instead of spark.jars, so that nothing is copied or served.
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        "spark.driver.extraJavaOptions": f"{JVM_OPTIONS} -Dlog4j2.configurationFile={LOG_CONFIG}",
        # Spark keeps 100 compiled classes by default and compiles the others again; the whole graph has 700.
        "spark.sql.codegen.cache.maxEntries": "5000",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        # Spark's default, INT96, is deprecated and not readable for Sail.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # Spark creates this folder although no table of ours is in it: keep it out of the working directory.
        "spark.sql.warehouse.dir": str(settings.cache / "spark-warehouse"),
        "spark.sql.shuffle.partitions": str(max(2, source_bytes(settings) // PARTITION_BYTES)),
        "spark.default.parallelism": "2",
        # Re-planning after each stage costs more than it saves below a gigabyte.
        "spark.sql.adaptive.enabled": str(source_bytes(settings) > ADAPTIVE_BYTES).lower(),
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
        # Sets and percentiles of this many groups per task stay in a hash table; by default Spark sorts from 128 on.
        "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "100000",
        # OPTIMIZE writes files of this size, with as few days as those of a first write (Delta's default is 1 GB).
        "spark.databricks.delta.optimize.maxFileSize": str(16 << 20),
        "spark.databricks.delta.optimize.minFileSize": str(16 << 20),
        # The number of tasks by which VACUUM lists a table's few folders; Spark's default is 10,000.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "32",
        # A run that writes no row must appear in the table's history too.
        "spark.databricks.delta.skipRecordingEmptyCommits": "false",
        # A broadcast also waits while other steps use the cores: with much data, longer than Spark's five minutes.
        "spark.sql.broadcastTimeout": "3600",
        # Hadoop would give every file the permissions of its own default.
        "spark.hadoop.fs.permissions.umask-mode": "077",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local"):
        # Shuffles and spilled rows are removed with this process, also if it is killed.
        config["spark.local.dir"] = str(scratch())
        # Spark's own ports take messages of Java objects, from other users of the machine too: only with a secret,
        # which a local Spark makes by itself at each start.
        config["spark.authenticate"] = "true"
    if settings.is_in_object_store:
        config |= store_config()
    archive = archive_path(settings.cache, java_version(), jars)
    make_archive(archive, config)
    config["spark.driver.extraJavaOptions"] += f" {use_option(archive)}"
    return config | settings.spark_conf.get_secret_value()


def _prepare_environment(*, is_local: bool) -> None:
    forget_foreign_spark(on_a_cluster=not is_local)
    # The JARs of Delta fit this Spark only, wherever Spark's scripts would look for another one.
    os.environ |= {"SPARK_HOME": str(spark_home()), "PYSPARK_PYTHON": sys.executable}
    if is_local:
        # Otherwise Spark looks up this machine's name, which need not resolve.
        os.environ["SPARK_LOCAL_IP"] = HOST
