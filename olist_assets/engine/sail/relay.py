"""The way into Sail's server, for this user alone.

Sail listens on a loopback port without authentication, so that any user of the machine could run plans as this one.
Here the kernel drops connections to that port (a socket filter on the listening socket), except those of a relay, which
takes connections at a Unix socket in a folder of this user. The relay's threads move bytes within the kernel.
"""

import ctypes
import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from olist_assets.errors import OlistError
from olist_assets.loopback import HOST

# Of <asm-generic/socket.h>; Python's `socket` lacks it.
SO_ATTACH_FILTER = 26
# Of <linux/filter.h>: loads and a jump of the classic packet filter, and where the IP header begins.
LOAD_HALF, LOAD_WORD, JUMP_IF_EQUAL, RETURN, IP_HEADER = 0x28, 0x20, 0x15, 0x06, 0xFFF00000
SOURCE_ADDRESS = IP_HEADER + 12
WHOLE_PACKET, NOTHING = 0xFFFFFFFF, 0
CHUNK = 1 << 20
# Of <net/tcp_states.h>, in hexadecimal: listening, and the wait after the end of a connection.
NOT_CONNECTED, ESTABLISHED = {"0A", "06"}, "01"
SECONDS_TO_CONNECT = 10


class Instruction(NamedTuple):
    code: int
    skip_if_equal: int
    skip_otherwise: int
    value: int


NOBODY = (Instruction(RETURN, 0, 0, NOTHING),)


def is_supported() -> bool:
    """Whether this system has socket filters, as Linux does."""
    if not hasattr(os, "splice"):
        return False
    with socket.socket() as probe:
        try:
            _admit(probe, NOBODY)
        except OSError:
            return False
    return True


class Relay:
    """Takes connections at a Unix socket and passes them on to a server of this process; others cannot reach it.

    Raises OlistError if somebody has connected before.
    """

    def __init__(self, port: int, folder: Path) -> None:
        # By the folder's descriptor, since a socket's path may have 107 characters only.
        self.path = Path(f"/proc/self/fd/{os.open(folder, os.O_DIRECTORY)}/sail.sock")
        self._port, self._listener = port, _listening(port)
        _admit(self._listener, NOBODY)
        if _connections(port):
            self._listener.close()
            raise OlistError(
                "Another process of this machine connected to the engine of this one as it started. Find out who does "
                "that before you try again."
            )
        entrance = socket.socket(socket.AF_UNIX)
        entrance.bind(str(self.path))
        entrance.listen()
        _thread(self._serve, entrance)

    def _serve(self, entrance: socket.socket) -> None:
        while True:
            client, _ = entrance.accept()
            try:
                server = self._connected()
            except OSError:
                client.close()
            else:
                _thread(_relay, client, server)

    def _connected(self) -> socket.socket:
        """A connection from a port that nobody else can have, as it is bound; only from there the server takes one."""
        server = socket.socket()
        try:
            server.bind((HOST, 0))
            own = server.getsockname()[1]
            _admit(self._listener, _only_from(own))
            server.connect((HOST, self._port))
            # The last packet of the handshake passes the filter too, and may come after `connect` has returned.
            _wait_until(lambda: f"{_address(own)} {ESTABLISHED}" in _connections(self._port))
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            server.close()
            raise
        finally:
            _admit(self._listener, NOBODY)
        return server


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_CONNECT
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.001)


def _only_from(port: int) -> tuple[Instruction, ...]:
    """Packets from a port of the loopback address."""
    address = int.from_bytes(socket.inet_aton(HOST))
    return (
        Instruction(LOAD_HALF, 0, 0, 0),
        Instruction(JUMP_IF_EQUAL, 0, 3, port),
        Instruction(LOAD_WORD, 0, 0, SOURCE_ADDRESS),
        Instruction(JUMP_IF_EQUAL, 0, 1, address),
        Instruction(RETURN, 0, 0, WHOLE_PACKET),
        *NOBODY,
    )


def _admit(listener: socket.socket, instructions: tuple[Instruction, ...]) -> None:
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in instructions))
    program = struct.pack("HP", len(instructions), ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def _listening(port: int) -> socket.socket:
    """This process's socket that listens on the port, by another descriptor. Raises OlistError."""
    # The newest first: the server has just started.
    for descriptor in sorted((int(entry.name) for entry in Path("/proc/self/fd").iterdir()), reverse=True):
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            found = socket.socket(fileno=os.dup(descriptor))
            if found.family == socket.AF_INET and found.getsockname() == (HOST, port):
                return found
            found.close()
    raise OlistError(f"Sail's server does not listen on port {port}.")


def _connections(port: int) -> list[str]:
    """The remote address and the state of each connection to the port, accepted or not yet."""
    lines = (line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:])
    at_port = [words for words in lines if words[1].endswith(f":{port:04X}") and words[3] not in NOT_CONNECTED]
    return [f"{words[2]} {words[3]}" for words in at_port]


def _address(port: int) -> str:
    """The loopback address and a port as the system's table has them: the address in the machine's order of bytes."""
    (address,) = struct.unpack("=I", socket.inet_aton(HOST))
    return f"{address:08X}:{port:04X}"


def _thread(target: Callable[..., None], *words: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=words, daemon=True, name="olist-sail-relay")
    thread.start()
    return thread


def _relay(client: socket.socket, server: socket.socket) -> None:
    with client, server:
        back = _thread(_pump, server, client)
        _pump(client, server)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Move bytes until one side ends; then both do."""
    read, write = os.pipe()
    try:
        with suppress(OSError):
            while taken := os.splice(source.fileno(), write, CHUNK):
                while taken:
                    taken -= os.splice(read, target.fileno(), taken)
    finally:
        for descriptor in (read, write):
            os.close(descriptor)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
