"""Spark Connect's own server with the platform's settings: a JVM that stays warm between runs."""

import socket

from olist_assets.errors import OlistError
from olist_assets.engine.spark.jars import spark_submit
from olist_assets.engine.spark.session import spark_config
from olist_assets.settings import Settings

HOST = "127.0.0.1"


def server_command(settings: Settings, port: int) -> list[str]:
    """The command that serves on the loopback address until it is interrupted. Raises OlistError for a taken port."""
    require_free(port)
    config = spark_config(settings.model_copy(update={"spark_remote": None})) | {
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(port),
    }
    confs = [word for name, value in config.items() for word in ("--conf", f"{name}={value}")]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    # The name of a resource that stands for: nothing but what Spark ships.
    return [str(spark_submit()), "--class", server, *confs, "spark-internal"]


def require_free(port: int) -> None:
    """Raises OlistError where something listens there already."""
    with socket.socket() as probe:
        try:
            # As the server itself does: a port that a dead process held is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
        except OSError as error:
            raise OlistError(
                f"Cannot listen on {HOST}:{port}: {error.strerror}. Choose another with --port."
            ) from error
