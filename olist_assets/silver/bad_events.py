"""Messages of the topic of order events that are no events, as rejects."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import INGESTED
from olist_assets.engine.event_records import IS_BAD, decoded
from olist_assets.silver.cleaning import BAD_EVENT
from olist_assets.silver.expressions import json_object


def rejected_events(events: DataFrame) -> DataFrame:
    """Messages of `bronze_order_events` that cannot be read as an event, in the columns of `silver_rejects`."""
    bad = decoded(events).where(IS_BAD)
    return bad.select(
        F.lit("bronze_order_events").alias("table"),
        F.concat_ws("/", "topic", F.col("partition").cast("string"), F.col("offset").cast("string")).alias("key"),
        F.lit(BAD_EVENT).alias("reason"),
        F.lit("value").alias("column"),
        "value",
        json_object(["topic", "partition", "offset", "key", "value"]).alias("record"),
        INGESTED,
    )
