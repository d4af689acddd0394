"""`olist replay`: sends the nine files to Kafka as events, with as many faults of a real stream as are asked for.

Everything that is random follows from a seed, so that a replay can be repeated message by message.
"""

import heapq
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.problems import Reports, explained, problem
from olist_assets.kafka.topic import partitions
from olist_assets.lakehouse.connection import connection
from olist_assets.operations.replayed_events import Event, order_events
from olist_assets.private_files import scratch
from olist_assets.settings import Settings

Kind = Literal["event", "duplicate", "late", "broken", "unparsed"]
Format = Literal["plain", "debezium"]
MESSAGES_PER_REPORT = 5_000
# A late message comes after so many others at the most.
MAX_DELAY = 20_000
SECONDS_TO_DELIVER, SECONDS_TO_CONFIRM = 30, 60
# At most so many seconds of the data between two events are waited for: one wrong year must not stop a replay.
MAX_GAP = 31 * 86_400


@dataclass(frozen=True)
class Faults:
    """The shares of messages that are sent twice, late, or broken, and the size of the windows that are shuffled."""

    duplicates: float = 0.0
    late: float = 0.0
    disorder: int = 0
    broken: float = 0.0
    seed: int = 0


@dataclass
class Sent:
    """What was sent: messages by table and kind."""

    messages: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return self.messages.total()


class Outgoing(NamedTuple):
    """A message to send."""

    table: str
    kind: Kind
    seconds: float
    key: bytes | None
    value: bytes


def messages(events: Iterable[Event], faults: Faults, form: Format = "plain") -> Iterator[Outgoing]:
    """The messages of events, with these faults."""
    chance = random.Random(faults.seed)
    found = (_message(event, form) for event in events)
    if faults.broken:
        found = _with_broken(found, faults.broken, chance)
    if faults.duplicates:
        found = _with_duplicates(found, faults.duplicates, chance)
    if faults.late:
        found = _with_late(found, faults.late, chance)
    return _shuffled(found, faults.disorder, chance) if faults.disorder > 1 else found


def replay(
    settings: Settings,
    tables: Sequence[str],
    faults: Faults,
    *,
    form: Format = "plain",
    speed: float | None = None,
    limit: int | None = None,
    sent: Sent,
    on_progress: Callable[[Sent], None],
) -> None:
    """Send the events of these tables, at `speed` seconds of theirs per second, and count them in `sent`.

    Raises OlistError if Kafka does not take all of them; `sent` then counts those that were given to its client.
    """
    if unknown := [name for name in tables if name not in SOURCES]:
        raise OlistError(f"There is no file for {', '.join(unknown)}. Choose among: {', '.join(SOURCES)}.")
    kafka, started = Kafka.of(settings), time.monotonic()
    with connection(settings.duckdb_memory, scratch() / "replay") as con, explained(kafka):
        sender = _Sender(kafka)
        events = order_events(con, settings, tables)
        found = messages(islice(events, limit), faults, form)
        paced = _paced(found, speed, sender.poll) if speed else found
        try:
            for number, message in enumerate(paced, 1):
                sender.send(message)
                sent.messages[message.table, message.kind] += 1
                if number % MESSAGES_PER_REPORT == 0 or speed:
                    sent.seconds = time.monotonic() - started
                    on_progress(sent)
        finally:
            # After Ctrl-C too: what is counted is delivered.
            sender.flush()
            sent.seconds = time.monotonic() - started


class _Sender:
    """Gives messages to Kafka's client, which sends them in batches beside this thread."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka, self._reports, self._failed = kafka, Reports(), list[KafkaError]()
        options = self._reports.options(
            kafka,
            # The client's own retries neither repeat nor reorder messages.
            enable_idempotence=True,
            linger_ms=20,
            compression_type="lz4",
            queue_buffering_max_messages=100_000,
            queue_buffering_max_kbytes=64 << 10,
            message_timeout_ms=SECONDS_TO_DELIVER * 1_000,
            delivery_report_only_error=True,
        )
        options["on_delivery"] = self._on_delivery
        with explained(kafka, self._reports):
            self._producer = Producer(options)
            partitions(kafka, self._producer, self._reports)

    def send(self, message: Outgoing) -> None:
        """Raises OlistError if an earlier message could not be delivered."""
        while True:
            try:
                self._producer.produce(self._kafka.topic, message.value, message.key)
                break
            except BufferError:
                self.poll(0.1)
        self.poll(0)

    def poll(self, seconds: float) -> None:
        self._producer.poll(seconds)
        if self._failed:
            self._producer.purge()
            raise problem(self._kafka, self._failed[0], self._reports)

    def flush(self) -> None:
        """Wait until Kafka has confirmed everything."""
        remaining = self._producer.flush(SECONDS_TO_CONFIRM)
        self.poll(0)
        if remaining:
            raise OlistError(f"Kafka at {self._kafka.servers} did not confirm {remaining:,} messages. Replay again.")

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failed.append(error)


def _message(event: Event, form: Format) -> Outgoing:
    key = event.key.encode() if event.key is not None else None
    if event.op is None:
        return Outgoing(event.table, "unparsed", event.seconds, None, event.after.encode())
    if form == "debezium":
        value = (
            f'{{"payload": {{"op": "{event.op}", "ts_ms": {int(event.seconds * 1_000)}, "before": null, '
            f'"after": {event.after}, "source": {{"table": "{event.table}", "lsn": {event.seq}}}}}}}'
        )
    else:
        value = (
            f'{{"table": "{event.table}", "op": "{event.op}", "seq": {event.seq}, "ts": "{event.ts}", '
            f'"after": {event.after}}}'
        )
    return Outgoing(event.table, "event", event.seconds, key, value.encode())


def _with_broken(found: Iterable[Outgoing], share: float, chance: random.Random) -> Iterator[Outgoing]:
    """The messages, and after some of them one that no reader can decode."""
    for message in found:
        yield message
        if message.kind == "event" and chance.random() < share:
            yield message._replace(kind="broken", value=chance.choice(BREAKERS)(message.value))


def _changed(value: bytes, **changes: object) -> bytes:
    """An event with other members; without those that are None."""
    event = json.loads(value)
    event = event.get("payload", event) | changes
    return json.dumps({name: member for name, member in event.items() if member is not None}).encode()


BREAKERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda value: value[: len(value) // 2],
    lambda _: b"not an event",
    lambda value: _changed(value, table="unknown", source=None),
    lambda value: _changed(value, seq=None, source=None),
    lambda value: _changed(value, table=1, op=2, seq="three", source=4, after=[5]),
    lambda _: b"",
)


def _with_duplicates(found: Iterable[Outgoing], share: float, chance: random.Random) -> Iterator[Outgoing]:
    for message in found:
        yield message
        if message.kind == "event" and chance.random() < share:
            yield message._replace(kind="duplicate")


def _with_late(found: Iterable[Outgoing], share: float, chance: random.Random) -> Iterator[Outgoing]:
    """The messages, some of them after up to MAX_DELAY others."""
    held: list[tuple[int, int, Outgoing]] = []
    for number, message in enumerate(found):
        while held and held[0][0] <= number:
            yield heapq.heappop(held)[2]
        if chance.random() < share:
            late = message._replace(kind="late") if message.kind == "event" else message
            heapq.heappush(held, (number + chance.randint(1, MAX_DELAY), number, late))
        else:
            yield message
    while held:
        yield heapq.heappop(held)[2]


def _shuffled(found: Iterable[Outgoing], window: int, chance: random.Random) -> Iterator[Outgoing]:
    waiting: list[Outgoing] = []
    for message in found:
        waiting.append(message)
        if len(waiting) == window:
            chance.shuffle(waiting)
            yield from waiting
            waiting.clear()
    chance.shuffle(waiting)
    yield from waiting


def _paced(found: Iterable[Outgoing], speed: float, wait: Callable[[float], None]) -> Iterator[Outgoing]:
    """The messages at their times, so much faster. `wait` is given seconds."""
    due, latest = time.monotonic(), None
    for message in found:
        if latest is not None and message.seconds > latest:
            due += min(message.seconds - latest, MAX_GAP) / speed
        latest = max(message.seconds, latest or message.seconds)
        while (remaining := due - time.monotonic()) > 0:
            wait(min(remaining, 1.0))
        yield message
