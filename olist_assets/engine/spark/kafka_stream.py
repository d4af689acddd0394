"""Messages of a topic appended to a table by Spark's Structured Streaming.

The log of the table is the truth about what has been read, not a checkpoint: each query begins after the offsets that
the table has, with a new checkpoint in a folder of this process. So no checkpoint can be lost, be older than its table
or belong to another one, and either engine continues where the other has stopped.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from olist_assets.contracts.quoting import spark_literal
from olist_assets.contracts.source_files import INGESTED
from olist_assets.contracts.table import Table
from olist_assets.engine.conformance import conformed
from olist_assets.engine.engine import TakeMessages
from olist_assets.engine.spark.delta_writer import readable_errors
from olist_assets.engine.write_plan import ROWS_PER_FILE
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import MAX_MESSAGE_BYTES
from olist_assets.kafka.messages import Messages
from olist_assets.kafka.problems import NoAnswer
from olist_assets.kafka.topic import watermarks
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.feeds import NEVER, offset_stored, partition_id
from olist_assets.private_files import scratch

SETTINGS = {
    # Bytes that are not UTF-8 become U+FFFD. By default such a message would end the stream.
    "spark.sql.legacy.codingErrorAction": "true",
    # A batch that waits for the table's lock does not notice that its query is stopped.
    "spark.sql.streaming.stopTimeout": "3s",
}
MAX_MESSAGES = 200_000
SECONDS_BETWEEN_LOOKS = 0.5
# A batch begins at most so often; within this time messages collect for one commit.
TRIGGER = "500 milliseconds"
# Java's client would try for minutes without saying so. Starting again is cheap, as the table has the offsets.
ANSWER_MS = 20_000
OPTIONS = {
    "groupIdPrefix": "olist",
    "maxOffsetsPerTrigger": str(MAX_MESSAGES),
    # Parts of a partition are read by several cores; each is a file, as few rows are not divided.
    "maxRecordsPerPartition": str(ROWS_PER_FILE),
    "kafkaConsumer.pollTimeoutMs": str(ANSWER_MS),
    "kafka.default.api.timeout.ms": str(ANSWER_MS),
    "kafka.request.timeout.ms": str(ANSWER_MS // 2),
    "kafka.max.poll.records": "10000",
    "kafka.max.partition.fetch.bytes": str(MAX_MESSAGE_BYTES),
}
# Failures in a row of queries that soon fail and commit nothing, although Kafka answers.
MAX_FAILURES, SECONDS_OF_FAILING = 3, 60.0
# The last time that a table can hold; a producer may claim any.
LATEST = "TIMESTAMP'9999-12-31 23:59:59.999'"


def take_messages(
    take: TakeMessages, session: SparkSession, jars: Iterable[Path], create: Callable[[Path, Table], None]
) -> None:
    """Append messages from the stored offsets on, by queries of this session alone. Raises OlistError.

    `create` makes the table before its first messages.
    """
    for jar in jars:
        # Only for what this session's thread starts: the class path of the JVM stays as it is.
        session.sql(f"ADD JAR {spark_literal(str(jar))}")
    failures = 0
    while True:
        appender, started = Appender(take, create), time.monotonic()
        with _query(take, session, appender) as query:
            error = _follow(query, take, appender)
        if error is None:
            return
        if not isinstance(error, PySparkException | Py4JJavaError):
            raise error
        has_worked = appender.has_committed or time.monotonic() - started > SECONDS_OF_FAILING
        failures = 1 if has_worked else failures + 1
        if failures == MAX_FAILURES:
            why = str(error).strip().splitlines()[0]
            raise OlistError(f"Spark cannot read {take.kafka.topic} from {take.kafka.servers}: {why}") from error
        if not _is_answered_again(take):
            return


class Appender:
    """Appends batches to the table of messages, each message once, whoever else appends to it."""

    def __init__(self, take: TakeMessages, create: Callable[[Path, Table], None]) -> None:
        self._take, self._create = take, create
        self.committed = Event()
        self.has_committed = False
        self.error: BaseException | None = None

    def __call__(self, batch: DataFrame, _: int) -> None:
        """Append a batch; an error is kept, as the caller of the query would get no more than its text."""
        try:
            self._append(batch)
        except BaseException as error:
            self.error = error
            raise

    def _append(self, batch: DataFrame) -> None:
        contract, warehouse = self._take.contract, self._take.warehouse
        path = warehouse.path(contract.name)
        # Each action would read the messages from Kafka again.
        rows = conformed(_texts(batch), contract).persist()
        try:
            ends = rows.groupBy("topic", "partition").agg(F.max("offset").alias("last")).collect()
            with warehouse.lock(path, "appending order events"), readable_errors(contract):
                stored = self._take.stored()
                if stored is None:
                    self._create(path, contract)
                erased = self._take.erasure()
                for topic, partition, last in ends:
                    known = offset_stored(stored, topic, partition) if stored else NEVER
                    if known < last:
                        new = rows.where((F.col("partition") == partition) & (F.col("offset") > known))
                        if erased:
                            # Compared by secret hashes, which no plan of a query may have: hence not on the executors.
                            new = new.sparkSession.createDataFrame(erased(new.toArrow()), new.schema)
                        _commit(new, path, partition_id(topic, partition), last)
        finally:
            rows.unpersist()
        self.has_committed = True
        self.committed.set()


def _commit(rows: DataFrame, path: Path, application: str, last: int) -> None:
    options = {
        "txnAppId": application,
        "txnVersion": last,
        "userMetadata": user_metadata(),
        "maxRecordsPerFile": ROWS_PER_FILE,
    }
    rows.write.format("delta").options(**options).mode("append").save(str(path))


def _texts(batch: DataFrame) -> DataFrame:
    """Messages in the columns of their table."""
    return batch.select(
        "topic",
        "partition",
        "offset",
        F.least("timestamp", F.expr(LATEST)).alias("kafka_timestamp"),
        *(_text(name).alias(name) for name in ("key", "value")),
        F.current_timestamp().alias(INGESTED),
    )


def _text(name: str) -> Column:
    """Bytes as text: those that are UTF-8 as they are, which takes less time, and others as Java decodes them."""
    return F.coalesce(F.try_validate_utf8(F.col(name).cast("string")), F.decode(name, "UTF-8"))


@contextmanager
def _query(take: TakeMessages, session: SparkSession, appender: Appender) -> Iterator[StreamingQuery]:
    """A query that appends the messages after the stored ones, while the body runs."""
    starts = {take.kafka.topic: {str(number): at for number, at in _starts(take).items()}}
    options = OPTIONS | take.kafka.spark_options | {
        "subscribe": take.kafka.topic,
        "startingOffsets": json.dumps(starts),
        "failOnDataLoss": str(not take.skip_missing).lower(),
    }  # fmt: skip
    messages = session.readStream.format("kafka").options(**options).load()
    writer = messages.writeStream.foreachBatch(appender)
    # The end of the topic as the query starts, which is not before `until`.
    writer = writer.trigger(processingTime=TRIGGER) if take.until is None else writer.trigger(availableNow=True)
    with tempfile.TemporaryDirectory(prefix="stream-", dir=scratch(), ignore_cleanup_errors=True) as checkpoint:
        query = writer.option("checkpointLocation", Path(checkpoint).as_uri()).start()
        try:
            yield query
        finally:
            # It raises where a batch still waits for the table's lock, and what ends this body matters more.
            with suppress(PySparkException, Py4JJavaError):
                query.stop()


def _starts(take: TakeMessages) -> dict[int, int]:
    """The offset to read each partition from. Raises OlistError, also if Kafka no longer has it."""
    with Messages(take.kafka, take.next_offsets(), skip_missing=take.skip_missing) as messages:
        return messages.positions


def _follow(query: StreamingQuery, take: TakeMessages, appender: Appender) -> BaseException | None:
    """Report commits until the query ends or nobody wants more of them; the error that has ended it, if any."""
    is_active = True
    while is_active:
        appender.committed.wait(SECONDS_BETWEEN_LOOKS)
        is_active = query.isActive
        appender.committed.clear()
        if not take.on_commit() and take.until is None:
            return None
    return appender.error or query.exception()


def _is_answered_again(take: TakeMessages) -> bool:
    """Wait until Kafka answers; False if nobody wants more messages by then. Raises OlistError for what only ends."""
    while True:
        try:
            watermarks(take.kafka)
            return True
        except NoAnswer:
            if take.until is not None:
                raise
        if not take.on_commit():
            return False
        time.sleep(SECONDS_BETWEEN_LOOKS)
