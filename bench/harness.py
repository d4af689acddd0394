"""Measures a command and its child processes, in a Dagster home and warehouse of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import cast, get_args

import click
import psutil

from olist_assets.engine.choice import engine_name
from olist_assets.orchestration.instance import CONFIG, PACKAGED_CONFIG
from olist_assets.settings import EngineName, Settings

PROJECT = Path(__file__).resolve().parents[1]
OLIST = str(Path(sys.executable).with_name("olist"))
SAMPLE_EVERY_SECONDS = 0.25
# Every so many samples: to add up the pages of a process stops what it does, for a tenth of a second at 2 GB.
SAMPLES_PER_MEMORY_SAMPLE = 8
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


def engine_of_environment() -> EngineName:
    """The engine that the environment chooses, as for `olist`."""
    return engine_name(Settings())


engine_option = click.option(
    "--engine", type=click.Choice(ENGINES), default=engine_of_environment, help="[default: the environment's]"
)
engines_option = click.option(
    "--engine", "engines", type=click.Choice(ENGINES), multiple=True, default=lambda: (engine_of_environment(),),
    help="Repeat it to compare the engines in one call.  [default: the environment's]",
)  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """Cost of a process and its children: wall and CPU seconds, peak memory of all together, bytes read and written.

    The peak is that of samples every other second. Bytes are those of read and write calls, including reads from the
    page cache. The last quarter second of a process is not included.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    read_mb: float
    written_mb: float
    output: str = ""

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.cpu_seconds:.0f} CPU seconds, peak memory {self.peak_mb:,.0f} MB"


class CommandFailed(click.ClickException):
    """A measured command that failed, with its cost until then."""

    def __init__(self, command: list[str], code: int, cost: Measurement) -> None:
        killed = " (killed; the system may have run out of memory)" if code == -signal.SIGKILL else ""
        super().__init__(f"{' '.join(command)[:80]} failed with {code}{killed} after {cost}:\n{cost.output[-3000:]}")
        self.cost = cost


def environment(data: Path, home: Path, engine: EngineName) -> dict[str, str]:
    """The environment for commands on this engine with a new Dagster home and a warehouse below it."""
    home.mkdir()
    config = PACKAGED_CONFIG.read_text().replace("base_dir: .dagster", f"base_dir: {home}")
    (home / CONFIG).write_text(config)
    return os.environ | {
        "OLIST_DATA": str(data.resolve()),
        "OLIST_WAREHOUSE": str(home / "warehouse"),
        "OLIST_ENGINE": engine,
        "DAGSTER_HOME": str(home),
    }


def settings_of(env: Mapping[str, str]) -> Settings:
    """The settings that a command has in an environment made by `environment`."""
    home, engine = Path(env["DAGSTER_HOME"]), cast(EngineName, env["OLIST_ENGINE"])
    return Settings(data=Path(env["OLIST_DATA"]), warehouse=env["OLIST_WAREHOUSE"], engine=engine, dagster_home=home)


def measure(command: list[str], env: Mapping[str, str]) -> Measurement:
    """Run a command to its end. Raises CommandFailed with the end of its output if it fails."""
    started = time.monotonic()
    with subprocess.Popen(
        command, env=env, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        sampler = _Sampler(psutil.Process(process.pid))
        printed, _ = process.communicate()
        seconds = time.monotonic() - started
        sampler.stop()
    cost = sampler.result(seconds, printed)
    if process.returncode:
        raise CommandFailed(command, process.returncode, cost)
    return cost


class _Sampler:
    """Samples a process and its children every quarter second, in a thread."""

    def __init__(self, root: psutil.Process) -> None:
        self._root, self._stop = root, threading.Event()
        self._peak = 0
        # The last sample of each process stays after the process has ended.
        self._io: dict[int, tuple[int, int]] = {}
        self._cpu: dict[int, float] = {}
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self) -> None:
        for number in count():
            if self._stop.wait(SAMPLE_EVERY_SECONDS):
                return
            resident = 0
            with suppress(psutil.NoSuchProcess):
                for process in (self._root, *self._root.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                        io, cpu = process.io_counters(), process.cpu_times()
                        self._io[process.pid] = io.read_chars, io.write_chars
                        self._cpu[process.pid] = cpu.user + cpu.system
                        if number % SAMPLES_PER_MEMORY_SAMPLE == 0:
                            # Memory that two processes share, as just after a fork, counts once.
                            resident += process.memory_full_info().pss
            self._peak = max(self._peak, resident)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def result(self, seconds: float, output: str) -> Measurement:
        read = sum(chars for chars, _ in self._io.values()) / 1e6
        written = sum(chars for _, chars in self._io.values()) / 1e6
        return Measurement(seconds, sum(self._cpu.values()), self._peak / 1e6, read, written, output)
