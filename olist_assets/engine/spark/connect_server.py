"""Spark Connect's own server with the platform's settings: a JVM that stays warm between runs."""

import socket

from olist_assets.engine.spark.config import spark_config
from olist_assets.engine.spark.submit import conf_arguments, spark_submit
from olist_assets.errors import OlistError
from olist_assets.settings import Settings

HOST = "127.0.0.1"


def server_command(settings: Settings, port: int) -> list[str]:
    """The command that serves on the loopback address until interrupted. Raises OlistError if the port is in use."""
    require_free(port)
    config = spark_config(settings.model_copy(update={"spark_remote": None})) | {
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(port),
    }
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    # Spark's name for an application without a file of its own.
    return [str(spark_submit()), "--class", server, *conf_arguments(config), "spark-internal"]


def require_free(port: int) -> None:
    """Raises OlistError if something already listens on the port."""
    with socket.socket() as probe:
        try:
            # As the server itself does, so that the port of an ended process counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
        except OSError as error:
            raise OlistError(
                f"Cannot listen on {HOST}:{port}: {error.strerror}. Choose another with --port."
            ) from error
