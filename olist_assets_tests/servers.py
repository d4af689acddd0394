"""Servers for tests, on the loopback address: started as separate processes, and ended in any case."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

SECONDS_TO_END = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Raises AssertionError that names the condition if it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.2)


def of_group(process: subprocess.Popen) -> dict[str, psutil.Process]:
    """The processes below one, and itself, by their command lines, which every user of the machine sees."""
    found: dict[str, psutil.Process] = {}
    for each in [above := psutil.Process(process.pid), *above.children(recursive=True)]:
        with suppress(psutil.Error):  # it has ended
            found[" ".join(each.cmdline())] = each
    return found


@contextmanager
def server(
    command: list[str], port: int, log: Path, env: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> Iterator[subprocess.Popen]:
    """A process, started in `folder`, that answers at the port before the body runs, and is ended after it.

    Raises AssertionError with its output if it ends early or does not answer in time.
    """
    environment = os.environ | dict(env or {})
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=out, start_new_session=True)
    try:

        def is_up() -> bool:
            assert process.poll() is None, f"{command[0]} ended:\n{log.read_text()[-3000:]}"
            return answers(port)

        wait_until(is_up, f"{command[0]} answers at {port}")
        yield process
    finally:
        # It ends what it has started in other groups by itself.
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_END)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
