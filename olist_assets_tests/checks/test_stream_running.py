"""`stream_is_running`: it warns about messages that nobody takes, and about a Kafka that should answer."""

from datetime import UTC, datetime, timedelta

from olist_assets.catalog import catalog
from olist_assets.checks import stream_running
from olist_assets.checks.assembly import evaluate
from olist_assets.checks.stream_running import running_checks
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.kafka.connection import Kafka
from olist_assets.lakehouse.history_table import append_derived
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Address, Settings
from olist_assets.streaming.monitoring_stream import MONITORING_STREAM
from olist_assets_tests.kafka.sending import send
from olist_assets_tests.order_events.events import settings_for

EMPTY_BATCH = {
    "query": "order_events", "batch": 0, "offsets_from": "{}", "offsets_to": "{}", "rows": 0, "applied": 0,
    "superseded": 0, "rejected": 0, "days_touched": 0, "seconds": 0.0, "lag_seconds": 0.0,
}  # fmt: skip


def verdict(settings: Settings) -> tuple[bool, str]:
    """Whether the check holds one second after the last batch, and its metadata."""
    warehouse = Warehouse(settings, catalog())
    if not warehouse.existing_tables([MONITORING_STREAM.name]):
        warehouse.require_writable()
        row = {**EMPTY_BATCH, "committed_at": datetime.now(UTC) - timedelta(seconds=1)}
        append_derived(warehouse, MONITORING_STREAM, lambda: [row])
    (result,) = evaluate(warehouse, PUBLISHED, MONITORING_STREAM, running_checks())
    return result.passed, str({name: value.value for name, value in result.metadata.items()})


def test_messages_may_wait_for_a_while_and_then_it_warns(kafka: Kafka, settings, monkeypatch):
    settings = settings_for(kafka, settings)
    assert verdict(settings)[0]
    send(kafka, [b"one"])
    passed, found = verdict(settings)
    assert (passed, "'messages_in_kafka': 1" in found) == (True, True)
    monkeypatch.setattr(stream_running, "MAX_PAUSE", timedelta(0))
    passed, found = verdict(settings)
    assert (passed, "oldest_message" in found) == (False, True)


def test_a_kafka_that_is_set_has_to_answer(settings):
    assert verdict(settings)[0]
    passed, found = verdict(settings.model_copy(update={"kafka": Address("127.0.0.1:9")}))
    assert (passed, "No Kafka answers at 127.0.0.1:9" in found) == (False, True)


def test_without_a_stream_nothing_is_asked(warehouse):
    (result,) = evaluate(warehouse, PUBLISHED, MONITORING_STREAM, running_checks())
    assert result.passed
