"""Messages of a topic appended to a table without a JVM: librdkafka reads, deltalake writes."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, Transaction

from olist_assets.contracts.source_files import INGESTED
from olist_assets.engine.engine import STATISTICS_OF_MESSAGES, TakeMessages
from olist_assets.engine.sail.delta_writer import FILE_SIZE, ROW_BYTES, readable_errors
from olist_assets.engine.write_plan import ROWS_PER_FILE
from olist_assets.kafka.messages import Messages
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.commit_metadata import commit_properties, user_metadata
from olist_assets.lakehouse.feeds import offset_stored, partition_id
from olist_assets.lakehouse.object_store import write_delta
from olist_assets.lakehouse.schemas import commented_as

MAX_MESSAGES = 100_000
# How long messages are collected for one commit: the shorter, the fresher the tables, and the more commits.
SECONDS_OF_BATCH = 0.5


def take_messages(take: TakeMessages) -> None:
    """Append messages from the stored offsets on. Raises OlistError."""
    appender = Appender(take)
    with Messages(take.kafka, take.next_offsets(), skip_missing=take.skip_missing) as messages:
        if take.until is not None:
            for batch in messages.read_until(take.until, MAX_MESSAGES):
                appender.append(batch)
                take.on_commit()
            return
        is_wanted = True
        while is_wanted:
            batch = messages.read(MAX_MESSAGES, SECONDS_OF_BATCH)
            if batch is not None:
                appender.append(batch)
            is_wanted = take.on_commit()


class Appender:
    """Appends batches to the table of messages, each message once, whoever else appends to it."""

    def __init__(self, take: TakeMessages) -> None:
        self._take, self._warehouse, self._contract = take, take.warehouse, take.contract
        self._schema = arrow_schema(take.contract)

    def append(self, batch: pa.RecordBatch) -> None:
        """Append the messages that the table does not have yet, as one commit with their last offsets."""
        path = self._warehouse.path(self._contract.name)
        with self._warehouse.lock(path, "appending order events"), readable_errors(self._contract):
            stored = self._take.stored()
            rows, ends = self._new(pa.Table.from_batches([batch]), stored)
            if not len(rows):
                return
            if erased := self._take.erasure():
                rows = erased(rows)
            schema = commented_as(stored, self._schema) if stored else self._schema
            now = pa.repeat(pa.scalar(datetime.now(UTC), pa.timestamp("us", tz="UTC")), len(rows))
            write_delta(
                path,
                rows.append_column(INGESTED, now).select(schema.names).cast(schema),
                mode="append",
                configuration=dict([(FILE_SIZE, str(ROW_BYTES * ROWS_PER_FILE)), STATISTICS_OF_MESSAGES]),
                commit_properties=commit_properties(user_metadata(), *ends),
            )

    def _new(self, rows: pa.Table, stored: DeltaTable | None) -> tuple[pa.Table, list[Transaction]]:
        """The rows after the stored offsets, and the transactions that say so."""
        parts, ends = list[pa.Table](), list[Transaction]()
        topic = rows["topic"][0].as_py() if len(rows) else ""
        for partition in rows["partition"].unique().to_pylist():
            known = offset_stored(stored, topic, partition) if stored else -1
            of_partition = (pc.field("partition") == partition) & (pc.field("offset") > known)
            part = rows.filter(of_partition)
            if len(part):
                parts.append(part)
                ends.append(Transaction(partition_id(topic, partition), part["offset"][-1].as_py()))
        return (pa.concat_tables(parts) if parts else rows.slice(0, 0)), ends
