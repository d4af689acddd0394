"""What all benchmarks measure with: a whole process and its children, in a Dagster home and warehouse of their own."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

PROJECT = Path(__file__).resolve().parents[1]
OLIST = str(Path(sys.executable).with_name("olist"))
SAMPLE_EVERY_SECONDS = 0.25


@dataclass(frozen=True)
class Measured:
    """A process tree: wall and processor seconds, most resident memory at once, and what it read and wrote.

    Bytes are those of read and write calls, from the page cache too, without those of a process's last quarter second.
    """

    seconds: float
    processor_seconds: float
    peak_mb: float
    read_mb: float
    written_mb: float


def environment(data: Path, home: Path) -> dict[str, str]:
    """A Dagster home, made here, and a warehouse below it."""
    home.mkdir()
    config = (PROJECT / "dagster.yaml").read_text().replace("base_dir: .dagster", f"base_dir: {home}")
    (home / "dagster.yaml").write_text(config)
    own = {"OLIST_DATA": str(data.resolve()), "OLIST_WAREHOUSE": str(home / "warehouse"), "DAGSTER_HOME": str(home)}
    return os.environ | own


def measured(command: list[str], env: Mapping[str, str]) -> Measured:
    """Run a command to its end. Raises ClickException with its last words when it fails."""
    started = time.monotonic()
    with subprocess.Popen(
        command, env=env, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        watched = _Watch(psutil.Process(process.pid))
        printed, _ = process.communicate()
        seconds = time.monotonic() - started
        watched.stop()
    if process.returncode:
        raise click.ClickException(f"{' '.join(command[:4])} failed:\n{printed[-3000:]}")
    return watched.result(seconds)


class _Watch:
    """Looks at a process tree every quarter second."""

    def __init__(self, root: psutil.Process) -> None:
        self._root, self._stop = root, threading.Event()
        self._peak = 0
        # Of each process what it last said of itself, so that those that ended count.
        self._io: dict[int, tuple[int, int]] = {}
        self._processor: dict[int, float] = {}
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY_SECONDS):
            resident = 0
            with suppress(psutil.NoSuchProcess):
                for process in (self._root, *self._root.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                        io, processor = process.io_counters(), process.cpu_times()
                        self._io[process.pid] = io.read_chars, io.write_chars
                        self._processor[process.pid] = processor.user + processor.system
                        # Pages that two processes share, as just after a fork, count once.
                        resident += process.memory_full_info().pss
            self._peak = max(self._peak, resident)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def result(self, seconds: float) -> Measured:
        read, written = (sum(values) / 1e6 for values in zip(*self._io.values(), strict=True))
        return Measured(seconds, sum(self._processor.values()), self._peak / 1e6, read, written)
