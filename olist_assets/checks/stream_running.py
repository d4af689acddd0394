"""Whether somebody takes the order events that Kafka has."""

from datetime import UTC, datetime, timedelta
from typing import Any

from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import Messages
from olist_assets.kafka.problems import NoAnswer
from olist_assets.kafka.topic import watermarks
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.batches import EVENTS
from olist_assets.order_events.lag import unread
from olist_assets.order_events.stored_messages import StoredMessages
from olist_assets.redaction import redacted

NAME = "stream_is_running"
MAX_PAUSE = timedelta(minutes=15)
"""Far more than the sensor's interval, a run in the queue and a batch of the largest size together."""


def running_checks() -> list[Check]:
    """The check of the table of micro-batches that asks Kafka."""
    return [running_check()]


def running_check() -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        kafka = Kafka.of(on.warehouse.settings)
        try:
            return _verdict(on, kafka)
        except NoAnswer as error:
            # The broker of `olist broker` may be stopped; one that is set should answer.
            return on.warehouse.settings.kafka is None, {"kafka": redacted(str(error))}
        except OlistError as error:
            return False, {"kafka": redacted(str(error))}

    minutes = MAX_PAUSE.total_seconds() / 60
    description = (
        f"No message has waited in Kafka for more than {minutes:g} minutes in which none was merged; Kafka answers, "
        "and still has the message that is to be read next."
    )
    return Check(NAME, description, evaluate, blocking=False)


def _verdict(on: CheckContext, kafka: Kafka) -> Verdict:
    stored = _stored_positions(on.warehouse, kafka.topic)
    waiting = unread(watermarks(kafka), stored)
    last = on.scalar("SELECT max(committed_at) FROM {table}")
    found: dict[str, Any] = {"messages_in_kafka": waiting, "last_batch": str(last)}
    with Messages(kafka, {int(partition): following for partition, following in stored.items()}) as messages:
        if not waiting or (batch := messages.read(1)) is None:
            return True, found
    oldest = batch["kafka_timestamp"][0].as_py()
    now = datetime.now(UTC)
    # A producer sets the time of a message, so an old one may have come just now.
    is_waiting = now - oldest > MAX_PAUSE and (last is None or now - last > MAX_PAUSE)
    return not is_waiting, found | {"oldest_message": str(oldest)}


def _stored_positions(warehouse: Warehouse, topic: str) -> dict[str, int]:
    """The offset after the last stored one of a topic, by partition."""
    events = warehouse.existing_tables([EVENTS])
    return StoredMessages.of(warehouse, events[EVENTS]).positions().get(topic, {}) if events else {}
