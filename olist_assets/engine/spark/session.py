"""The Spark session of a process: embedded, on a cluster, or on a Spark Connect server, as the settings say."""

import socket
from functools import cached_property
from threading import Lock
from urllib.parse import urlparse
from weakref import WeakSet

from dagster_pyspark import LazyPySparkResource
from pyspark.sql import SparkSession

from olist_assets.engine.spark.config import spark_config
from olist_assets.engine.spark.java import java_version
from olist_assets.errors import OlistError
from olist_assets.settings import Settings

CONNECT_PORT, CONNECT_SECONDS = 15002, 5
_STARTING, _SESSIONS = Lock(), WeakSet[SparkSession]()


class SparkEngine:
    """Spark, started through dagster-pyspark at its first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _session(self) -> SparkSession:
        require_spark(self._settings)
        with _STARTING:
            session = LazyPySparkResource(spark_config=spark_config(self._settings)).spark_session
        _SESSIONS.add(session)
        return session

    @property
    def session(self) -> SparkSession:
        """The session, also as the calling thread's own. Raises OlistError where Spark cannot start."""
        session = self._session
        if self._settings.spark_remote:
            from pyspark.sql.connect.session import SparkSession as RemoteSession

            # Models are written and read by the thread's own session, which only the thread that started it has.
            RemoteSession._set_default_and_active_session(session)  # pyright: ignore
        return session

    def close(self) -> None:
        """End the session on a server, and with it what the run left there; the embedded one belongs to the process.

        Otherwise models that a failed training left behind would be deleted on the server as Python ends, and the
        client would wait for it for ever.
        """
        if self._settings.spark_remote and "_session" in vars(self):
            self._session.stop()


def require_spark(settings: Settings) -> None:
    """Raises OlistError if there is no Java to start Spark with, or no server at the Spark Connect address."""
    if settings.spark_remote:
        _require_server(settings.spark_remote)
    else:
        java_version()


def _require_server(remote: str) -> None:
    # The client itself would try for minutes.
    address = urlparse(remote)
    try:
        server = (address.hostname or "", address.port or CONNECT_PORT)
        socket.create_connection(server, timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise OlistError(
            f"No Spark Connect server answers at {remote} ({error}). Start one: olist spark-server; "
            "or unset OLIST_SPARK_REMOTE."
        ) from error


def interrupt_spark() -> None:
    """Cancel what Spark executes for this process at this moment; the waiting callers get an error."""
    for session in tuple(_SESSIONS):  # another thread may be starting one
        session.interruptAll()
