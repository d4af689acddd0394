"""Commands that run another program, a server: Dagster's, MLflow's or Spark's."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_TO_END = 10


def become(command: Sequence[str]) -> None:
    """Replace this process by a server of one process, which Ctrl-C and SIGTERM end."""
    _heed_interrupts()
    os.execv(command[0], list(command))


def run_here(server: Callable[[], None]) -> None:
    """Run a server in this process until Ctrl-C, SIGTERM or the end of its terminal.

    Uvicorn ends its connections first, and then raises the signal again for the handler that was there before it.
    """
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server()


def serve(command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """Run a server with children of its own until it ends, or until Ctrl-C or SIGTERM; nothing of it runs on.

    Its environment is that of this process unless one is given.

    Returns its exit code, 0 if it was stopped. Dagster's code servers outlive it until they notice that nobody asks.
    """
    _heed_interrupts()
    # In a group of its own, by which its children are found after its end.
    server = subprocess.Popen(command, env=env, process_group=0)
    with _passing_on(server) as received:
        try:
            code = server.wait()
        finally:
            _end_group(server.pid)
    return 0 if received else code


def _heed_interrupts() -> None:
    """Let Ctrl-C end the server.

    A shell lets the background jobs of a script ignore it. Servers would inherit that, and Dagster would handle SIGTERM
    in the same way: nothing could end it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _passing_on(server: subprocess.Popen) -> Iterator[list[int]]:
    """Send the server an interrupt for each signal to end; yields the signals that were received."""
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        server.send_signal(signal.SIGINT)

    before = {number: signal.signal(number, interrupt) for number in ENDING}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_group(group: int) -> None:
    """End what is left of a process group, if need be by force."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_END
        while time.monotonic() < deadline:
            time.sleep(0.1)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)
