"""Sail's Spark Connect server in this process, and the one session on it."""

import ctypes
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from olist_assets.engine.foreign_spark import forget_foreign_spark
from olist_assets.engine.sail.relay import Relay, is_supported
from olist_assets.lakehouse.object_store import allow_http
from olist_assets.loopback import HOST, bypass_proxy
from olist_assets.private_files import scratch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

STOPPING = (signal.SIGINT, signal.SIGTERM)
# More than `struct sigaction` has on any system.
STRUCT_BYTES = 1024


@cache
def session() -> "SparkSession":
    """The session, started at the first call; frames of two sessions could not be joined.

    See https://docs.lakesail.com/sail/ for the server.
    """
    # Sail writes its log to standard error, from level INFO on unless this says otherwise.
    os.environ.setdefault("RUST_LOG", "error")
    # Sail's allocator, mimalloc, returns freed memory at once; by default idle threads keep it, up to a gigabyte.
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")
    if allowed := allow_http():
        # Sail reads the same variables as deltalake's options are made of.
        os.environ.setdefault("AWS_ALLOW_HTTP", allowed)
    # A ranking of a whole table is meant; the client warns of each.
    warnings.filterwarnings("ignore", "WARN WindowExpression: No Partition Defined")
    from pysail.spark import SparkConnectServer

    bypass_proxy()
    forget_foreign_spark()
    folder, is_guarded = scratch(), is_supported()
    server = SparkConnectServer(ip=HOST, port=0)
    with _handlers_kept():
        server.start(background=True)
        _, port = server.listening_address  # pyright: ignore[reportGeneralTypeIssues]
        # At once: until then anybody can connect.
        relay = Relay(port, folder) if is_guarded else None
        # The server has its own handlers at the latest as it answers.
        started: Any = _connected(f"sc://{HOST}:{port}", relay)
    # A server in this process does not come back: by default the client would wait for it for ten minutes.
    started.client.set_retry_policies([])
    started._olist_server = server  # as long as the session lives
    return cast("SparkSession", started)


def _connected(address: str, relay: Relay | None) -> "SparkSession":
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession as RemoteSession

    class Channel(DefaultChannelBuilder):
        def toChannel(self) -> Any:  # noqa: N802  # PySpark's name
            return self._insecure_channel(f"unix:{relay.path}" if relay else self.endpoint)

    # PySpark's functions of columns read it.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    # By default it would be the path of the socket, which Sail refuses.
    channel = Channel(address, [("grpc.default_authority", HOST)])
    builder = RemoteSession.builder.channelBuilder(channel).config("spark.sql.session.timeZone", "UTC")
    return cast("SparkSession", builder.getOrCreate())


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Keep the process's handlers of Ctrl-C and SIGTERM.

    Sail would end its server on either, while the run still needs it to cancel its queries. Handlers are exchanged as
    the system knows them: Python's own function for this works in the main thread only.
    """
    libc, before = ctypes.CDLL(None), {number: ctypes.create_string_buffer(STRUCT_BYTES) for number in STOPPING}
    for number, handler in before.items():
        libc.sigaction(number, None, handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            libc.sigaction(number, handler, None)
