"""A class-data-sharing archive: Spark's and Delta's classes, parsed and verified once and mapped by every later JVM.

Starting Spark loads some 20,000 classes, a sixth of the processor time of a whole run. The JVM ignores an archive that
does not match its class path or version, so a stale one does no harm.
See https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
"""

import hashlib
import subprocess
import tempfile
from pathlib import Path

import pyspark
from filelock import FileLock
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from olist_assets.engine.spark.submit import conf_arguments, spark_submit
from olist_assets.errors import OlistError
from olist_assets.private_files import scratch

# By default a JVM reports an unusable archive on standard output.
QUIET = "-Xshare:auto -Xlog:disable -Xlog:all=error:stderr"


def archive_path(cache: Path, java: str, jars: str) -> Path:
    """The archive for this Java, Spark and class path; the JARs' paths and times are part of its name."""
    spark = next(Path(pyspark.__file__).parent.glob("jars/spark-core_*.jar"))
    name = hashlib.sha256(f"{java}:{jars}:{spark}:{spark.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    return cache / "classes" / f"{name}.jsa"


def use_option(path: Path) -> str:
    """The JVM options that use an archive."""
    return f"{QUIET} {_option('SharedArchiveFile', path)}"


def _option(name: str, path: Path) -> str:
    """An option of the JVM with a path, quoted as Spark reads its lists of options."""
    quoted = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"-XX:{name}={quoted}"'


def make_archive(path: Path, config: dict[str, str]) -> None:
    """Create the archive once, with a JVM of these Spark settings. Raises OlistError if Spark does not start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=600):
        if path.exists():
            return
        partial = path.with_suffix(".partial")
        options = f"{config['spark.driver.extraJavaOptions']} {QUIET} {_option('ArchiveClassesAtExit', partial)}"
        settings = config | {"spark.driver.extraJavaOptions": options}
        # Under spark-submit the JVM outlives the script, and writes the archive as it ends.
        command = [str(spark_submit()), *conf_arguments(settings), __file__]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OlistError(f"Spark does not start: {(done.stderr + done.stdout).strip()[-1000:]}")
        # Java makes none with certain options of the environment, such as those for agents. It ignores an empty one.
        partial.touch()
        # A rename is atomic: an interrupted first start leaves no partial archive under the final name.
        partial.rename(path)


def _warm_up(spark: SparkSession, folder: Path) -> None:
    """Use a little of everything that the tables use; other classes are loaded from their JARs later."""
    (folder / "rows.csv").write_text('day,key,value\n2018-01-01,a,"1.5"\n2018-01-02,b,2.5\n')
    text = spark.read.options(header=True, multiLine=True, escape='"').schema("day string, key string, value string")
    typed = text.csv(str(folder / "rows.csv")).select(
        F.to_date("day").alias("day"), "key", F.col("value").try_cast("decimal(12,2)").alias("value")
    )
    table = folder / "table"
    spark.sql(f"CREATE TABLE delta.`{table}` (day DATE, key STRING, value DECIMAL(12,2)) USING DELTA CLUSTER BY (day)")
    typed.write.format("delta").mode("append").save(str(table))
    whole = typed.write.format("delta").mode("overwrite").option("userMetadata", "{}")
    whole.option("replaceWhere", "day >= DATE'2018-01-01'").save(str(table))
    _aggregated(spark.read.format("delta").load(str(table))).write.format("delta").save(str(folder / "result"))


def _aggregated(rows: DataFrame) -> DataFrame:
    by_key = rows.groupBy("key").agg(
        F.sum("value").alias("total"),
        F.count_distinct("day").alias("days"),
        F.array_sort(F.collect_set("key")).alias("keys"),
        F.percentile("value", [0.2, 0.8]).alias("boundaries"),
        F.min_by("key", F.struct("day", "key")).alias("first"),
    )
    exploded = by_key.join(rows, on="key", how="left").withColumn("one", F.explode("keys"))
    ranked = exploded.withColumn("place", F.rank().over(Window.partitionBy("key").orderBy(F.desc("total"))))
    return ranked.crossJoin(F.broadcast(rows.agg(F.max("day").alias("last")))).where(F.col("key").rlike("^[a-z]$"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        _warm_up(SparkSession.Builder().getOrCreate(), Path(folder))
