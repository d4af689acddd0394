"""A broker, a topic of its own per test, and an empty warehouse that takes its events in processes of their own."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import create
from olist_assets.operations.replay import Faults, Sent, replay
from olist_assets.settings import Settings
from olist_assets_tests.conftest import ENGINE, settings_in
from olist_assets_tests.faults.conftest import inherited

if TYPE_CHECKING:
    from olist_assets.operations.broker import Broker

CONSUMER = str(Path(__file__).with_name("consumer.py"))
# What a real topic has: messages twice, late, in disorder, and some that nobody can read.
USUAL = Faults(duplicates=0.02, late=0.01, disorder=500, broken=0.001)
KILLED = -signal.SIGKILL
Consumer = Callable[..., subprocess.Popen[str]]


@pytest.fixture(params=["sail", pytest.param("spark", marks=pytest.mark.spark)])
def each_engine(request: pytest.FixtureRequest) -> str:
    """The engine, for a test that runs once on each: in the process that has it."""
    if request.param != ENGINE:
        pytest.skip(f"the engine of this process is {ENGINE}")
    return request.param


@pytest.fixture
def streamed(broker: "Broker", request: pytest.FixtureRequest, sample: Path, tmp_path: Path) -> Settings:
    """Settings of an empty warehouse that takes its records from a new topic of two partitions."""
    topic = re.sub(r"[^\w.-]", "_", request.node.name)[:249]
    settings = settings_in(tmp_path, sample, kafka=f"127.0.0.1:{broker.port}", kafka_topic=topic, engine="sail")
    create(Kafka.of(settings), partitions=2)
    return settings


@pytest.fixture
def consumer(streamed: Settings) -> Iterator[Consumer]:
    """Start `consumer.py`, which takes what the topic has, for the test's settings."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        started.append(start_consumer(streamed, *words))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def start_consumer(settings: Settings, *words: str) -> subprocess.Popen[str]:
    """`consumer.py` with these words, as a process."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", CONSUMER, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=inherited(settings),
    )  # fmt: skip


def ended(process: subprocess.Popen[str], seconds: float = 300) -> tuple[int, str]:
    """Exit code of a process, and everything that it printed."""
    printed, problems = process.communicate(timeout=seconds)
    return process.returncode, printed + problems


def take(consumer: Consumer, *words: str) -> list[dict]:
    """Take what the topic has; returns the rows of `monitoring_stream`, one per batch."""
    code, text = ended(consumer(*words))
    assert code == 0, text
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def send_files(settings: Settings, faults: Faults = USUAL, tables: Iterable[str] | None = None) -> int:
    """Send the records of the files as events; returns the number of messages."""
    from olist_assets.contracts.source_files import SOURCES

    sent = Sent()
    replay(settings, [*(tables or SOURCES)], faults, sent=sent, on_progress=lambda _: None)
    return sent.total
