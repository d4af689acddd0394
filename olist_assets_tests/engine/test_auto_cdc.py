"""Spark's declarative pipelines refuse AUTO CDC into a Delta table; once they do not, it can take the merge's place."""

import subprocess
from pathlib import Path

import pytest

from olist_assets.engine.spark.config import spark_config
from olist_assets.engine.spark.submit import conf_arguments, spark_home
from olist_assets.settings import Settings

# The catalog is a setting of a pipeline's own session.
SPEC = """
name: order_events
storage: {storage}
libraries: [{{glob: {{include: definitions/**}}}}]
configuration: {{spark.sql.catalog.spark_catalog: org.apache.spark.sql.delta.catalog.DeltaCatalog}}
"""
DEFINITIONS = """
from pyspark import pipelines as dp
from pyspark.sql import SparkSession


@dp.temporary_view
def events():
    rows = SparkSession.active().readStream.format("rate").load()
    return rows.selectExpr("value AS order_id", "timestamp AS seq", "'u' AS op")


dp.create_streaming_table("orders", format="delta")
dp.create_auto_cdc_flow(
    target="orders", source="events", keys=["order_id"], sequence_by="seq", apply_as_deletes="op = 'd'",
    stored_as_scd_type=1,
)
"""


@pytest.mark.spark
@pytest.mark.timeout(400)
def test_auto_cdc_into_delta_is_still_refused(settings: Settings, tmp_path: Path):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "orders.py").write_text(DEFINITIONS)
    spec = tmp_path / "spark-pipeline.yml"
    spec.write_text(SPEC.format(storage=(tmp_path / "storage").as_uri()))
    config = spark_config(settings) | {"spark.sql.warehouse.dir": str(tmp_path / "tables")}
    # A pipeline starts a Spark Connect server, which has no master.
    del config["spark.master"]
    command = [str(spark_home() / "bin" / "spark-pipelines"), "run", *conf_arguments(config), "--spec", str(spec)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=350)
    assert done.returncode
    assert "AUTOCDC_TARGET_DOES_NOT_SUPPORT_MERGE" in done.stdout + done.stderr
