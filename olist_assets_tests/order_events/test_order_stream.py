"""`olist stream`: it follows the topic until it is stopped, waits for a Kafka that is away, and doubles nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import dagster as dg
import pytest

from olist_assets.kafka.topic import create
from olist_assets.operations.broker import running_broker
from olist_assets.operations.order_stream import Progress, follow
from olist_assets.operations.platform import Platform
from olist_assets.settings import Settings
from olist_assets_tests.conftest import environment, settings_in
from olist_assets_tests.order_events.events import order, send_orders, settings_for
from olist_assets_tests.servers import free_port, wait_until

OLIST = [str(Path(sys.executable).with_name("olist"))]


class Steps:
    """Does one thing after the other while the stream runs, each as soon as its condition holds; then stops it."""

    def __init__(self, *steps: tuple[Callable[[Progress], bool], Callable[[], object]]) -> None:
        self.stop, self._steps = Event(), list(steps)

    def __call__(self, progress: Progress) -> None:
        if self._steps and self._steps[0][0](progress):
            self._steps.pop(0)[1]()
        if not self._steps:
            self.stop.set()


def merged(messages: int) -> Callable[[Progress], bool]:
    return lambda progress: progress.messages >= messages


@pytest.fixture
def running(platform, tmp_path):
    """Starts `olist stream` as a process; returns it and what it prints."""
    started: list[subprocess.Popen] = []

    def start(name: str = "stream") -> tuple[subprocess.Popen, Path]:
        log = tmp_path / f"{name}.log"
        with log.open("w") as out:
            env = os.environ | environment(platform.settings)
            process = subprocess.Popen([*OLIST, "stream"], env=env, stdout=out, stderr=out)
        started.append(process)
        wait_until(lambda: "Taking order events" in log.read_text(), "the stream runs")
        return process, log

    yield start
    for process in started:
        process.kill()
        process.wait()


def rows(platform: Platform, name: str) -> int:
    table = platform.warehouse.existing_tables([name]).get(name)
    return len(platform.warehouse.rows(table)) if table else 0


def test_it_merges_what_arrives_until_it_is_stopped(platform, kafka, spark, storage):
    del spark
    send_orders(kafka, order(1))
    steps = Steps(
        (merged(1), lambda: send_orders(kafka, order(2), order(2), b'{"after": {"order_id": "broken"}}')),
        (merged(4), lambda: None),
    )
    done = follow(platform, steps.stop, steps)
    assert (done.messages, done.applied, done.superseded, done.rejected) == (4, 2, 1, 1)
    assert done.lag == 0
    assert rows(platform, "bronze_orders") == 2
    assert storage.get_latest_materialization_event(dg.AssetKey("bronze_orders"))


def test_sigterm_stops_it_with_a_summary(platform, kafka, running):
    process, log = running()
    send_orders(kafka, order(1))
    wait_until(lambda: rows(platform, "bronze_orders") == 1, "the event is merged")
    process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert process.wait(30) == 0
    assert time.monotonic() - asked < 10
    assert "Stopped: 1 messages in 1 batches, 1 applied" in log.read_text()


@pytest.mark.stream
def test_two_streams_double_nothing(platform, kafka, running):
    running("first")
    running("second")
    for number in range(20):
        send_orders(kafka, order(number))
    wait_until(lambda: rows(platform, "bronze_orders") == 20, "all events are merged")
    assert rows(platform, "bronze_order_events") == 20
    batches = platform.warehouse.open("monitoring_stream")
    assert sum(platform.warehouse.rows(batches, "rows")["rows"].to_pylist()) == 20


@pytest.mark.stream
def test_it_waits_for_a_kafka_that_is_away(settings, tmp_path, spark):
    del spark
    port, folder, cache = free_port(), tmp_path / "kafka", Settings().cache
    first, second = ExitStack(), ExitStack()
    kafka = first.enter_context(running_broker(folder, port, cache)).kafka("orders")
    create(kafka)
    platform = Platform(settings_for(kafka, settings))
    seen: list[bool] = []
    steps = Steps(
        (merged(0), lambda: send_orders(kafka, order(1))),
        (merged(1), first.close),
        (lambda progress: not progress.is_answered, lambda: second.enter_context(running_broker(folder, port, cache))),
        (lambda progress: progress.is_answered, lambda: send_orders(kafka, order(2))),
        (merged(2), lambda: None),
    )

    def watch(progress: Progress) -> None:
        seen.append(progress.is_answered)
        steps(progress)

    with first, second:
        assert follow(platform, steps.stop, watch).messages == 2
    assert [seen[0], False in seen, seen[-1]] == [True, True, True]


def test_a_mistake_is_one_line(olist_with, settings, tmp_path, sample, platform):
    code, text = olist_with(settings_in(tmp_path, sample, kafka="127.0.0.1:9"))("stream")
    assert (code, "No Kafka answers at 127.0.0.1:9" in text, "Traceback" in text) == (2, True, False)
    code, text = olist_with(platform.settings)("stream", "--again")
    assert (code, "No order event is stored yet" in text) == (2, True)
    code, text = olist_with(platform.settings)("stream", "--again", "--once")
    assert (code, "--again reads no message" in text) == (2, True)


@pytest.mark.stream
def test_again_brings_back_what_a_restored_table_has_lost(olist_with, platform, kafka, spark):
    del spark
    olist = olist_with(platform.settings)
    for number in (1, 2):
        send_orders(kafka, order(number))
        code, text = olist("stream", "--once")
        assert (code, "Done: 1 messages in 1 batches, 1 applied" in text) == (0, True)
    assert olist("restore", "bronze_orders", "--version", "1")[0] == 0
    assert rows(platform, "bronze_orders") == 1
    olist("stream", "--again")
    assert rows(platform, "bronze_orders") == 2
