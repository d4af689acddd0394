"""Sail's Spark Connect server in this process, and the one session on it."""

import os
from functools import cache
from typing import TYPE_CHECKING

from dagster_pyspark import LazyPySparkResource

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

HOST = "127.0.0.1"


@cache
def session() -> "SparkSession":
    """The session, started at the first call; frames of two sessions could not be joined.

    See https://docs.lakesail.com/sail/ for the server.
    """
    # Sail writes its log to standard error, from level INFO on unless this says otherwise.
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer(ip=HOST, port=0)
    server.start(background=True)
    _, port = server.listening_address  # pyright: ignore[reportGeneralTypeIssues]
    config = {"spark.remote": f"sc://{HOST}:{port}", "spark.sql.session.timeZone": "UTC"}
    started = LazyPySparkResource(spark_config=config).spark_session
    started._olist_server = server  # as long as the session lives
    return started
