"""Order events taken as they arrive, until somebody stops it: `olist stream`. And everything merged once more."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import date
from threading import Event
from typing import TYPE_CHECKING

import dagster as dg

from olist_assets.errors import OlistError
from olist_assets.governance.audit_log import warn
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.problems import NoAnswer
from olist_assets.kafka.topic import watermarks
from olist_assets.kafka.watcher import Watcher
from olist_assets.lakehouse.feeds import is_fed
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.lineage.sensor import is_configured
from olist_assets.operations.platform import Platform
from olist_assets.operations.runs import OnEvent, Request, RunReport, materialize
from olist_assets.orchestration.job_names import STREAM_AGAIN
from olist_assets.order_events.batches import BRONZE, EVENTS, TOMBSTONES, last_finished
from olist_assets.order_events.lag import unread
from olist_assets.order_events.reports import Reporter
from olist_assets.order_events.stream import EventStream, Merged

if TYPE_CHECKING:
    from olist_assets.lineage.stream_run import OnWrite

# A report may start runs of a minute, and Dagster's event log should not grow with every batch.
SECONDS_BETWEEN_REPORTS = 30.0


@dataclass
class Progress:
    """What the stream has merged since it started, and what waits."""

    batches: int = 0
    messages: int = 0
    applied: int = 0
    superseded: int = 0
    rejected: int = 0
    days: set[date] = field(default_factory=set)
    last: Merged | None = None
    lag: int | None = None
    """Messages in the topic that are not merged; None until Kafka has answered."""
    is_answered: bool = True
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def add(self, merged: Merged) -> None:
        """Take a batch into account."""
        self.batches, self.last = self.batches + 1, merged
        self.messages += merged.row["rows"]
        self.applied += merged.row["applied"]
        self.superseded += merged.row["superseded"]
        self.rejected += merged.row["rejected"]
        self.days |= merged.days


OnProgress = Callable[[Progress], object]


@dataclass
class _Following:
    """The stream in this process: counts what it merges, reports it now and then, and stops when asked to."""

    report_tables: Callable[[Sequence[Merged]], object]
    kafka: Kafka
    watcher: Watcher
    on_progress: OnProgress
    stop: Event
    progress: Progress = field(default_factory=Progress)
    following: Mapping[str, int] = field(default_factory=dict)
    """The offset after the last merged one of this topic, by partition."""
    not_reported: list[Merged] = field(default_factory=list)
    reported_at: float = float("-inf")

    def on_batch(self, merged: Merged | None) -> bool:
        """Count a batch; in a pause, report what was merged if it is time. Returns whether to go on."""
        if merged:
            self.progress.add(merged)
            self.not_reported.append(merged)
            self.following = json.loads(merged.row["offsets_to"]).get(self.kafka.topic, {})
        elif self.not_reported and time.monotonic() - self.reported_at > SECONDS_BETWEEN_REPORTS:
            self.report()
        self.show()
        return not self.stop.is_set()

    def report(self) -> None:
        self.report_tables(self.not_reported)
        self.not_reported, self.reported_at = [], time.monotonic()

    def show(self) -> None:
        found = self.watcher.watermarks
        self.progress.lag = None if found is None else unread(found, self.following)
        self.progress.is_answered = self.watcher.is_answered
        self.on_progress(self.progress)


def follow(platform: Platform, stop: Event, on_progress: OnProgress, *, skip_missing: bool = False) -> Progress:
    """Merge events as they arrive until `stop` is set, also if Kafka is away for a while.

    Raises OlistError, NoAnswer only if no Kafka answers at the beginning.
    """
    stream = event_stream(platform, skip_missing=skip_missing)
    watermarks(stream.kafka)
    with _reports(platform) as report, Watcher(stream.kafka) as watcher:
        following = _Following(report, stream.kafka, watcher, on_progress, stop)
        following.following = last_finished(platform.warehouse)[1].get(stream.kafka.topic, {})
        try:
            while not stop.is_set():
                # Some clients wait by themselves for a Kafka that is away, others do not.
                with suppress(NoAnswer):
                    stream.run(following.on_batch)
                following.show()
                stop.wait(1)
        finally:
            following.report()
    return following.progress


def take_available(platform: Platform, *, skip_missing: bool = False) -> Progress:
    """Merge what the topic has now, and report it. Raises OlistError."""
    stream, progress, merged = event_stream(platform, skip_missing=skip_missing), Progress(), list[Merged]()
    with _reports(platform) as report:
        try:
            merged += stream.take_available()
        finally:
            report(merged)
    for batch in merged:
        progress.add(batch)
    return progress


def merge_again(platform: Platform, on_event: OnEvent) -> RunReport:
    """Merge all stored events into the tables that they have fed, in a run with its checks; no Kafka is asked."""
    existing = platform.warehouse.existing_tables([EVENTS, TOMBSTONES, *BRONZE])
    if EVENTS not in existing:
        raise OlistError("No order event is stored yet. Start the stream: olist stream")
    names = {name for name, table in existing.items() if is_fed(table)}
    return materialize(platform, Request(names, platform.calendar.days), on_event, STREAM_AGAIN)


def event_stream(platform: Platform, *, skip_missing: bool) -> EventStream:
    """The stream of the settings' Kafka. Raises OlistError before anything is written if it cannot be merged."""
    platform.engine.require()
    platform.warehouse.require_writable()
    return EventStream(platform.warehouse, platform.engine, Kafka.of(platform.settings), skip_missing)


@contextmanager
def _reports(platform: Platform) -> Iterator[Callable[[Sequence[Merged]], None]]:
    """What reports batches: to Dagster without a run, and the tables that they have changed to OpenLineage."""
    written: list[dg.AssetMaterialization] = []
    with platform.instance() as storage, _lineage(platform.warehouse) as on_write:

        def emit(table: dg.AssetMaterialization) -> None:
            storage.report_runless_asset_event(table)
            written.append(table)

        reporter = Reporter(platform.warehouse, storage, emit, warn)

        def report(batches: Sequence[Merged]) -> None:
            reporter.report(batches)
            on_write(written)
            written.clear()

        yield report


def _lineage(warehouse: Warehouse) -> "AbstractContextManager[OnWrite]":
    if not is_configured():
        return nullcontext(lambda _: None)
    from olist_assets.lineage.stream_run import stream_run

    return stream_run(warehouse, warn)
