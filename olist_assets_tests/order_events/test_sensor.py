"""The sensor `order_events`: when it requests a run, and why it does not."""

import dagster as dg
import pytest

from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.job_names import STREAM
from olist_assets.order_events import sensor
from olist_assets.order_events.sensor import order_events_sensor
from olist_assets_tests.conftest import settings_in
from olist_assets_tests.order_events.events import order, send_orders


class Ticks:
    """Ticks of the sensor one after the other, with the cursor between them."""

    def __init__(self, instance: dg.DagsterInstance, warehouse: Warehouse) -> None:
        self.instance, self.cursor = instance, None
        self.sensor = order_events_sensor(warehouse)

    def __call__(self) -> str | None:
        """Why a tick requests no run; None if it requests one."""
        context = dg.build_sensor_context(self.instance, cursor=self.cursor)
        result = self.sensor(context)
        self.cursor = context.cursor
        return str(result.skip_message) if isinstance(result, dg.SkipReason) else None


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def tick(instance, platform) -> Ticks:
    return Ticks(instance, platform.warehouse)


def run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A run of the job that has not ended."""
    return instance.add_run(dg.DagsterRun(STREAM))


def end(instance: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType) -> None:
    instance.report_dagster_event(dg.DagsterEvent(kind.value, STREAM), run.run_id)


def test_without_a_kafka_nothing_is_asked(instance, warehouse):
    assert Ticks(instance, warehouse)() == "No Kafka is set (OLIST_KAFKA), and no order event is stored."


def test_a_kafka_that_does_not_answer_is_named(instance, tmp_path, sample):
    nowhere = Warehouse(settings_in(tmp_path, sample, kafka="127.0.0.1:9"), catalog())
    assert "No Kafka answers at 127.0.0.1:9" in str(Ticks(instance, nowhere)())


def test_one_run_is_requested_for_what_waits_in_kafka_and_in_the_table(tick, kafka, stream, instance):
    assert tick() == "No event waits."
    send_orders(kafka, order(1), order(2))
    assert tick() is None
    started = run(instance)
    waiting = "Messages that wait: 2 in Kafka, 0 stored and not merged."
    assert tick() == f"{waiting} A run that takes them is queued or in progress."
    end(instance, started, dg.DagsterEventType.RUN_SUCCESS)
    # It found nothing, as after a transaction, whose marks have offsets too.
    assert tick() == f"{waiting} The last run found no more."
    stream.append_available()
    assert tick() is None
    list(stream.merge_stored())
    assert tick() == "No event waits."


def test_a_failed_run_is_requested_again_after_a_pause(tick, kafka, instance, monkeypatch):
    send_orders(kafka, order(1))
    assert tick() is None
    end(instance, run(instance), dg.DagsterEventType.RUN_FAILURE)
    assert "The last run failed; the next is requested after" in str(tick())
    monkeypatch.setattr(sensor, "PAUSE_AFTER_FAILURE", sensor.PAUSE_AFTER_FAILURE * 0)
    assert tick() is None
