"""Whether a Kafka answers, and how far its topic reaches, looked up every few seconds beside what a process does."""

import time
from threading import Event, Thread
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.problems import Reports, explained
from olist_assets.kafka.topic import Watermarks, partitions, watermarks_of

SECONDS_BETWEEN_LOOKS = 2.0
# A busy broker may miss a look or two.
SECONDS_OF_SILENCE = 6.0


class Watcher(Thread):
    """Looks until the end of its `with` block."""

    def __init__(self, kafka: Kafka) -> None:
        super().__init__(name="watcher of Kafka", daemon=True)
        self._kafka, self._ended = kafka, Event()
        self._answered_at = time.monotonic()
        self.watermarks: Watermarks | None = None
        """As of the last answer; None before the first."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()

    @property
    def is_answered(self) -> bool:
        return time.monotonic() - self._answered_at < SECONDS_OF_SILENCE

    def run(self) -> None:
        reports = Reports()
        with explained(self._kafka):
            consumer = Consumer(reports.options(self._kafka, group_id="olist"))
        try:
            while not self._ended.is_set():
                self._look(consumer)
                self._ended.wait(SECONDS_BETWEEN_LOOKS)
        finally:
            consumer.close()

    def _look(self, consumer: Consumer) -> None:
        # Whoever reads the messages says what is wrong with a Kafka that refuses.
        try:
            with explained(self._kafka):
                self.watermarks = watermarks_of(self._kafka, consumer, partitions(self._kafka, consumer))
            self._answered_at = time.monotonic()
        except OlistError:
            consumer.poll(0)
