"""Spark Connect's own server with the platform's settings: a JVM that stays warm between runs."""

from olist_assets.engine.spark.config import spark_config
from olist_assets.engine.spark.connect_token import VARIABLE
from olist_assets.engine.spark.jvm_environment import server_environment
from olist_assets.engine.spark.submit import conf_arguments, spark_submit
from olist_assets.loopback import HOST, require_free
from olist_assets.settings import Settings


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


def environment_of_server(settings: Settings, token: str) -> dict[str, str]:
    """The environment of the command, once it exists: the token is nowhere else, neither in arguments nor addresses."""
    return server_environment(settings) | {VARIABLE: token}
