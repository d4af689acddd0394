"""The loopback address, where every server of the platform listens: its ports, and its clients without a proxy."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from olist_assets.errors import OlistError

HOST = "127.0.0.1"
NAMES = ("localhost", HOST, "::1")


def bypass_proxy() -> None:
    """Let this process and its children reach servers on this machine directly, whatever proxy the environment names.

    gRPC would otherwise ask the proxy for the Spark Connect or Dagster server of this machine, and wait for minutes.
    """
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    # gRPC reads the last one first, and has no `*`; other clients read the first or the second, where `*` stands alone.
    for variable in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        listed = [name.strip() for name in (os.environ.get(variable) or given).split(",") if name.strip()]
        if listed != ["*"] or variable == "no_grpc_proxy":
            listed += [name for name in NAMES if name not in listed]
        os.environ[variable] = ",".join(listed)


def require_free(port: int) -> None:
    """Raises OlistError if something already listens on the port."""
    with socket.socket() as probe:
        try:
            # As the server itself does, so that the port of an ended process counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
        except OSError as error:
            raise OlistError(
                f"Cannot listen on {HOST}:{port}: {error.strerror}. Choose another port with --port."
            ) from error


@contextmanager
def ipv6_port_held(port: int) -> Iterator[None]:
    """Keep other users of the machine from listening on the port of `::1`.

    A client that connects to `localhost` may try that address first, and would send its token there. Raises OlistError
    if something already listens on it.
    """
    with socket.socket(socket.AF_INET6) if socket.has_ipv6 else socket.socket() as held:
        try:
            if held.family == socket.AF_INET6:
                held.bind(("::1", port))
        except OSError as error:
            # A machine without IPv6 has no such address.
            if error.errno != errno.EADDRNOTAVAIL:
                raise OlistError(
                    f"Cannot hold [::1]:{port}: {error.strerror}. Choose another port with --port."
                ) from error
        yield
