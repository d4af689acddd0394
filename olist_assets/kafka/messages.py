"""The messages of the topic as Arrow batches, from given offsets on.

The offsets are the caller's: it stores them with what it wrote. Kafka keeps none for it (no consumer group commits),
and a position that Kafka no longer has is an error, never a silent start at another one.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import MAX_MESSAGE_BYTES, Kafka
from olist_assets.kafka.problems import NO_ANSWER, NoAnswer, Reports, explained, problem
from olist_assets.kafka.topic import partitions, topic_id_of, watermarks_of

SCHEMA = pa.schema(
    [
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("kafka_timestamp", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("key", pa.string()),
        pa.field("value", pa.string()),
    ]
)
# A batch ends at this size, far below what the offsets of an Arrow string column can count.
MAX_BATCH_BYTES = 64 << 20
# Messages asked for at once. The first ones are few, because their size is not known yet.
FIRST_CHUNK, MAX_CHUNK = 16, 10_000
STEP_SECONDS = 0.1
SECONDS_BETWEEN_LOOKS, SECONDS_OF_SILENCE = 5.0, 20.0
# A producer may claim any time; the last one that a table can hold.
LATEST_MS = 253_402_300_799_999
# Half of a UTF-16 surrogate pair, or its beginning: Java replaces it as a whole, Python byte by byte.
SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")
LOGGER = logging.getLogger("olist.kafka")
GONE = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}


class OffsetsMissing(OlistError):
    """Kafka no longer has messages that were not read."""


def recreated(topic: str) -> OffsetsMissing:
    """The error for a topic whose offsets are not those that are stored."""
    return OffsetsMissing(
        f"The topic {topic} was deleted and created again, or has lost its last messages, or this is another Kafka: "
        "its offsets do not continue those that are stored, so that new messages would be taken for known ones. "
        "Nothing was written. Send the events to a topic of another name, and set OLIST_KAFKA_TOPIC to it."
    )


class Messages:
    """Reads all partitions of the topic, each from its offset in `offsets`, else from its first message.

    A partition that is added to the topic is read too, from its first message. Bytes of keys and values that are not
    UTF-8 become U+FFFD, exactly as Java's `new String(bytes, UTF_8)` does it, so that both engines store one text.
    With `skip_missing`, messages that Kafka has deleted are skipped instead of refused.
    """

    def __init__(self, kafka: Kafka, offsets: Mapping[int, int], *, skip_missing: bool = False) -> None:
        self._kafka, self._skip_missing = kafka, skip_missing
        self._reports = Reports()
        self._next: dict[int, int] = {}
        self._given = offsets
        self._chunk = FIRST_CHUNK
        self._looked_at = 0.0

    def __enter__(self) -> Self:
        options = self._reports.options(
            self._kafka,
            group_id="olist",
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            auto_offset_reset="error",
            enable_partition_eof=True,
            # Both are librdkafka's default; Spark's options say the same.
            isolation_level="read_committed",
            # As many as a batch, so that the broker fills the queue while a batch is written.
            queued_min_messages=1_000_000,
            queued_max_messages_kbytes=MAX_BATCH_BYTES >> 10,
            fetch_message_max_bytes=MAX_MESSAGE_BYTES,
            fetch_max_bytes=MAX_BATCH_BYTES,
            fetch_wait_max_ms=100,
        )
        with explained(self._kafka, self._reports):
            self._consumer, self._admin = Consumer(options), AdminClient(self._kafka.client_options)
            try:
                self._assign_new(partitions(self._kafka, self._consumer, self._reports))
                self._topic_id = topic_id_of(self._kafka, self._admin)
            except BaseException:
                self._consumer.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    @property
    def positions(self) -> dict[int, int]:
        """Per partition, the offset of the next message that is read."""
        return dict(self._next)

    @property
    def is_answered(self) -> bool:
        """Whether a Kafka has answered last; the client tries again by itself."""
        return not self._reports.is_down

    def read(self, max_messages: int = 100_000, max_seconds: float = 1.0) -> pa.RecordBatch | None:
        """The messages that arrive until there are so many, or for so long; None if there are none.

        Raises OffsetsMissing, and OlistError if Kafka refuses this client or has no such topic any more.
        """
        return self._batch(max_messages, time.monotonic() + max_seconds, {})

    def read_until(self, ends: Mapping[int, int], max_messages: int = 100_000) -> Iterator[pa.RecordBatch]:
        """All messages before these offsets, in batches; some later ones may be among the last.

        Raises as `read` does, and NoAnswer if nothing arrives for 20 seconds.
        """
        last_progress = time.monotonic()
        while self._is_before(ends):
            batch = self._batch(max_messages, time.monotonic() + SECONDS_OF_SILENCE, ends)
            if batch is not None:
                last_progress = time.monotonic()
                yield batch
            elif time.monotonic() - last_progress > SECONDS_OF_SILENCE:
                raise problem(self._kafka, KafkaError(KafkaError._TIMED_OUT), self._reports)

    def _is_before(self, ends: Mapping[int, int]) -> bool:
        return any(self._next.get(number, 0) < end for number, end in ends.items())

    def _batch(self, max_messages: int, deadline: float, ends: Mapping[int, int]) -> pa.RecordBatch | None:
        parts: list[pa.RecordBatch] = []
        rows = size = 0
        with explained(self._kafka, self._reports):
            while rows < max_messages and size < MAX_BATCH_BYTES and (not ends or self._is_before(ends)):
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self._look_for_new_partitions()
                wanted = min(self._chunk, max_messages - rows)
                received = self._consumer.consume(wanted, min(remaining, STEP_SECONDS))
                messages = self._without_errors(received)
                if not messages:
                    continue
                part = self._as_arrow(messages)
                parts.append(part)
                rows, size = rows + part.num_rows, size + part.nbytes
                self._adapt_chunk(part)
            if parts:
                self._require_same_topic()
        return pa.concat_batches(parts) if parts else None

    def _without_errors(self, received: list[Message]) -> list[Message]:
        if not any(map(Message.error, received)):
            if self._reports.refusal:
                raise KafkaException(self._reports.refusal)
            return received
        for message in received:
            error, partition, offset = message.error(), message.partition(), message.offset()
            if error is None or partition is None or offset is None:
                continue
            if error.code() == KafkaError._PARTITION_EOF:
                # The last offsets may be those of a transaction's marks, which are no messages.
                self._next[partition] = offset
            elif error.code() in GONE:
                self._start_at_first(partition)
            else:
                raise KafkaException(error)
        return [message for message in received if message.error() is None]

    def _as_arrow(self, messages: list[Message]) -> pa.RecordBatch:
        numbers: list[Any] = list(map(Message.partition, messages))
        offsets: list[Any] = list(map(Message.offset, messages))
        for number, offset in dict(zip(numbers, offsets, strict=True)).items():
            self._next[number] = max(self._next[number], offset + 1)
        self._reports.is_down = False
        times = [min(at, LATEST_MS) * 1_000 for _, at in map(Message.timestamp, messages)]
        columns = [
            pa.repeat(self._kafka.topic, len(messages)),
            pa.array(numbers, pa.int32()),
            pa.array(offsets, pa.int64()),
            pa.array(times, SCHEMA.field("kafka_timestamp").type),
            _texts(list(map(Message.key, messages))),
            _texts(list(map(Message.value, messages))),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def _require_same_topic(self) -> None:
        """After messages were read and before they are used: what is created again cannot become what it was."""
        try:
            if topic_id_of(self._kafka, self._admin) != self._topic_id:
                raise recreated(self._kafka.topic)
        except KafkaException as error:
            # A broker that has stopped since it sent them: the next messages tell.
            if error.args[0].code() not in NO_ANSWER:
                raise

    def _adapt_chunk(self, part: pa.RecordBatch) -> None:
        """Ask for more messages at once as long as they are small."""
        fitting = MAX_BATCH_BYTES * part.num_rows // max(part.nbytes, 1)
        self._chunk = max(1, min(4 * self._chunk, MAX_CHUNK, fitting))

    def _look_for_new_partitions(self) -> None:
        if time.monotonic() - self._looked_at > SECONDS_BETWEEN_LOOKS:
            try:
                with explained(self._kafka):
                    self._assign_new(partitions(self._kafka, self._consumer))
            except NoAnswer:
                self._reports.is_down = True
                self._looked_at = time.monotonic()

    def _assign_new(self, numbers: list[int]) -> None:
        """Raises OlistError, also if Kafka no longer has a given offset."""
        new = [number for number in numbers if number not in self._next]
        if new:
            found = watermarks_of(self._kafka, self._consumer, new)
            starts = {number: self._start(number, *found[number]) for number in new}
            topic = self._kafka.topic
            self._consumer.incremental_assign([TopicPartition(topic, number, at) for number, at in starts.items()])
            self._next |= starts
        self._looked_at = time.monotonic()

    def _start(self, partition: int, low: int, high: int) -> int:
        """The offset to read a partition from, given its first and next one."""
        wanted = self._next.get(partition, self._given.get(partition, low))
        if low <= wanted <= high:
            return wanted
        if wanted > high:
            raise recreated(self._kafka.topic)
        where = f"partition {partition} of {self._kafka.topic}"
        if self._skip_missing:
            LOGGER.warning(f"Kafka has deleted the offsets {wanted} to {low - 1} of {where}: they are skipped.")
            return low
        raise OffsetsMissing(
            f"Kafka has deleted the offsets {wanted} to {low - 1} of {where} before they were read: its retention is "
            "shorter than the stream was stopped. Nothing was written. Read on without them: olist stream "
            "--skip-missing"
        )

    def _start_at_first(self, partition: int) -> None:
        """Read on from the first message of a partition whose position is gone, if that is allowed."""
        at = self._start(partition, *watermarks_of(self._kafka, self._consumer, [partition])[partition])
        # The client has stopped reading it, so that a seek would be refused.
        assignment = [TopicPartition(self._kafka.topic, partition, at)]
        self._consumer.incremental_unassign(assignment)
        self._consumer.incremental_assign(assignment)
        self._next[partition] = at


def _texts(values: list[bytes | None]) -> pa.Array:
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([value and text(value) for value in values], pa.string())


def text(value: bytes) -> str:
    """The text of bytes, as Java decodes them."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return SURROGATE.sub("\ufffd".encode(), value).decode(errors="replace")
