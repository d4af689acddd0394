"""Spark's own Thrift server over the lakehouse's tables: SQL by JDBC for BI tools, on the loopback address only."""

import signal
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from olist_assets.contracts.quoting import spark_path
from olist_assets.engine.spark.config import spark_config
from olist_assets.engine.spark.submit import without_secrets
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.loopback import HOST, require_free
from olist_assets.settings import Settings


def serve(warehouse: Warehouse, names: Iterable[str], port: int, on_ready: Callable[[], None]) -> None:
    """Serve the tables under their bare names until Ctrl-C or SIGTERM, which raise KeyboardInterrupt.

    Each query reads the newest versions. Returns only if Spark's process ends by itself. Raises OlistError if the port
    is in use or the settings name a remote Spark.
    """
    settings = warehouse.settings
    if settings.spark_remote:
        raise OlistError("The Thrift server needs a Spark of its own: unset OLIST_SPARK_REMOTE.")
    require_free(port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # For the files of Spark, Hive and Derby, some of which would go to the working directory otherwise.
    with tempfile.TemporaryDirectory(prefix="olist-thrift-", ignore_cleanup_errors=True) as scratch:
        session = _session(settings, port, scratch)
        gateway: Any = session.sparkContext._gateway
        try:
            for name in names:
                session.sql(view(name, warehouse.path(name)))
            server = gateway.jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2
            server.startWithSparkSession(session._jsparkSession, False)
            on_ready()
            gateway.proc.wait()
        finally:
            # Spark shuts down once this pipe is closed, also if this process is killed.
            gateway.proc.stdin.close()
            gateway.proc.wait()


def view(name: str, path: Path) -> str:
    """The statement that gives a table its bare name; a view cannot be written to."""
    return f"CREATE VIEW {name} WITH SCHEMA EVOLUTION AS SELECT * FROM {spark_path(path)}"


def _session(settings: Settings, port: int, scratch: str) -> SparkSession:
    config = without_secrets(spark_config(settings))
    config["spark.driver.extraJavaOptions"] += (
        f" -Djava.io.tmpdir={scratch} -Dderby.stream.error.file={scratch}/derby.log"
    )
    config |= {
        "spark.app.name": "olist thrift-server",
        "spark.hadoop.hive.server2.thrift.bind.host": HOST,
        "spark.hadoop.hive.server2.thrift.port": str(port),
    }
    builder = SparkSession.Builder()
    for name, value in config.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
