"""Who can connect to Sail's server: this process by its relay, and nobody else."""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from olist_assets.engine.sail import relay
from olist_assets.engine.sail.relay import Relay, is_supported
from olist_assets.errors import OlistError
from olist_assets.loopback import HOST
from olist_assets.private_files import scratch
from olist_assets_tests.conftest import ENGINE
from olist_assets_tests.servers import free_port

SECONDS = 0.2

pytestmark = pytest.mark.skipif(not is_supported(), reason="this system has no socket filters")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server of this process, as Sail's is."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener


def port_of(listener: socket.socket) -> int:
    return listener.getsockname()[1]


def reaches(port: int, source: tuple[str, int] = (HOST, 0)) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=SECONDS, source_address=source).close()
    except TimeoutError:
        return False
    return True


def entered(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def received(source: socket.socket, target: socket.socket, sent: bytes) -> bytes:
    """What arrives at the target, by way of the relay."""
    writer = threading.Thread(target=source.sendall, args=(sent,))
    writer.start()
    parts = [target.recv(1 << 16)]
    while sum(map(len, parts)) < len(sent):
        parts.append(target.recv(1 << 16))
    writer.join()
    return b"".join(parts)


def test_relay_moves_bytes_both_ways_and_ends_both_sides(listener, tmp_path):
    with entered(Relay(port_of(listener), tmp_path).path) as client:
        with listener.accept()[0] as server:
            for sent in (b"question", os.urandom(3 << 20)):
                assert received(client, server, sent) == sent
                assert received(server, client, sent) == sent
        assert client.recv(1) == b""


def test_nobody_else_connects_before_during_and_after_a_connection(listener, tmp_path):
    port = port_of(listener)
    assert reaches(port)
    listener.accept()[0].close()
    path = Relay(port, tmp_path).path
    assert not reaches(port)
    with entered(path), listener.accept()[0] as server:
        own = server.getpeername()[1]
        assert not reaches(port)
        # The port from which this process was let in, at another address of the loopback network.
        assert not reaches(port, ("127.0.0.2", own))
    assert not reaches(port)


def test_while_this_process_connects_only_its_own_bound_port_is_let_in(listener, tmp_path):
    port, own = port_of(listener), free_port()
    made = Relay(port, tmp_path)
    relay._admit(made._listener, relay._only_from(own))
    assert not reaches(port)
    assert not reaches(port, ("127.0.0.2", own))
    assert reaches(port, (HOST, own))


def test_whoever_was_connected_before_ends_the_start(listener, tmp_path):
    with (
        socket.create_connection(listener.getsockname()),
        pytest.raises(OlistError, match=r"Another process .* connected"),
    ):
        Relay(port_of(listener), tmp_path)


@pytest.mark.skipif(ENGINE != "sail", reason="Sail's own server")
def test_port_of_the_session_is_closed_and_its_socket_is_in_a_folder_of_this_user(spark: SparkSession):
    session: Any = spark
    _, port = session._olist_server.listening_address
    assert not reaches(port)
    (entrance,) = scratch().glob("*.sock")
    assert stat.S_ISSOCK(entrance.stat().st_mode)
    assert stat.S_IMODE(entrance.parent.stat().st_mode) == 0o700
    assert spark.range(3).count() == 3
