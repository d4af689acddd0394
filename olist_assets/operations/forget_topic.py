"""What `olist forget` does to the topic of the order events, and what of Kafka it does not reach."""

from collections.abc import Callable, Iterator
from typing import Literal

from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.governance.traces import SUBJECTS, Traces
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import delete_records, retention, send_tombstones, watermarks
from olist_assets.lakehouse.feeds import offset_stored
from olist_assets.operations.platform import Platform
from olist_assets.order_events.batches import EVENTS

OfTopic = Literal["keep", "tombstones", "delete"]
Report = Callable[[str], None]
COMPACT, DAY_MS = "compact", 86_400_000
OUT_OF_REACH = (
    "Not reached in Kafka: what other consumers, mirrors, tiered storage and backups have of the topic, and files of "
    "deleted messages until the brokers remove them."
)


def erase_from_topic(platform: Platform, traces: Traces, of_topic: OfTopic, report: Report) -> None:
    """Remove the person's messages from the topic as far as asked for, and report what remains there.

    Without an answer from Kafka, or with a refusal, this is reported too: the erasure of the tables goes on.
    """
    kafka = Kafka.of(platform.settings)
    try:
        kept = retention(kafka)
        if of_topic == "delete":
            report(_delete(platform, kafka))
        elif of_topic == "tombstones":
            report(_mark_deleted(platform, kafka, traces, kept))
        report(f"The topic {kafka.topic} keeps messages {_described(kept)}. {_remaining(of_topic)}{OUT_OF_REACH}")
    except OlistError as error:
        report(
            f"Messages in Kafka are as before: {error} The topic {kafka.topic} has the customer until its retention "
            f"ends. Repeat the command with --topic once Kafka answers. {OUT_OF_REACH}"
        )


def _delete(platform: Platform, kafka: Kafka) -> str:
    """Delete the messages that are stored: whoever else reads the topic loses them too."""
    stored = platform.warehouse.open(EVENTS)
    ends = {
        number: min(offset_stored(stored, kafka.topic, number) + 1, following)
        for number, (first, following) in watermarks(kafka).items()
        if offset_stored(stored, kafka.topic, number) >= first
    }
    if ends:
        delete_records(kafka, ends)
    return f"Deleted the stored messages of {len(ends)} partitions of {kafka.topic}."


def _mark_deleted(platform: Platform, kafka: Kafka, traces: Traces, kept: dict[str, str]) -> str:
    if COMPACT not in kept["cleanup.policy"]:
        return f"Sent nothing to {kafka.topic}: it is not compacted, so a message without a value removes no other."
    sent = send_tombstones(kafka, sorted({*_keys(platform, traces)}))
    return f"Sent {sent} messages without a value to {kafka.topic}: its compaction removes the earlier ones."


def _keys(platform: Platform, traces: Traces) -> Iterator[str]:
    """The keys that messages about the person may have: the ids, and keys of stored messages that hold one."""
    yield from traces.ids
    yield from traces.records
    with platform.warehouse.sql({EVENTS: platform.warehouse.open(EVENTS)}) as con:
        parts = con.execute(
            f"SELECT DISTINCT key FROM {EVENTS} WHERE list_has_any(string_split(lower(key), '/'), $1)",
            [sorted(traces.ids | traces.records)],
        ).fetchall()
    widths = {len(SOURCES[subject].key) for subject in SUBJECTS}
    yield from (key for (key,) in parts if key.count("/") + 1 in widths)


def _described(kept: dict[str, str]) -> str:
    limit, size = int(kept["retention.ms"]), int(kept["retention.bytes"])
    until = "for ever" if limit < 0 else f"for {limit / DAY_MS:g} days"
    return f"{until}{f', or until they take {size:,} bytes' if size >= 0 else ''} ({kept['cleanup.policy']})"


def _remaining(of_topic: OfTopic) -> str:
    if of_topic != "keep":
        return ""
    return (
        "Those of the customer are still there: --topic delete deletes all messages that are stored here, also for "
        "other readers of the topic; --topic tombstones has a compacted topic drop the customer's. "
    )
