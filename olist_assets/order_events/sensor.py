"""The sensor `order_events`: requests a run of the job `stream` when events wait."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import watermarks
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.job_names import STREAM
from olist_assets.orchestration.order_changes import UNFINISHED
from olist_assets.order_events.batches import EVENTS
from olist_assets.order_events.lag import waiting
from olist_assets.redaction import redacted

NAME = "order_events"
INTERVAL_SECONDS = 30
PAUSE_AFTER_FAILURE = timedelta(minutes=5)


def order_events_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor for a warehouse and the Kafka of its settings."""

    @dg.sensor(
        name=NAME,
        job_name=STREAM,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Requests a run that takes the order events which wait in Kafka, one at a time.",
    )
    def order_events(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if warehouse.settings.kafka is None and not warehouse.existing_tables([EVENTS]):
            return dg.SkipReason("No Kafka is set (OLIST_KAFKA), and no order event is stored.")
        kafka = Kafka.of(warehouse.settings)
        try:
            ends = watermarks(kafka)
            found = waiting(warehouse, kafka.topic, ends)
        except OlistError as error:
            return dg.SkipReason(redacted(str(error)))
        if not found:
            return dg.SkipReason("No event waits.")
        text = f"{found.in_topic} in Kafka, {found.in_table} stored and not merged"
        if reason := _reason_to_wait(context, state := f"{kafka.topic} {ends}: {text}"):
            return dg.SkipReason(f"Messages that wait: {text}. {reason}")
        context.update_cursor(state)
        return dg.RunRequest()

    return order_events


def _reason_to_wait(context: dg.SensorEvaluationContext, state: str) -> str | None:
    """Why no run is requested now; `state` describes what waits, and the cursor what waited at the last request."""
    records = context.instance.get_run_records(dg.RunsFilter(job_name=STREAM), limit=1)
    if not records:
        return None
    run, end = records[0].dagster_run, records[0].end_time
    if run.status in UNFINISHED:
        return "A run that takes them is queued or in progress."
    if run.status is dg.DagsterRunStatus.SUCCESS:
        # Offsets of transactions are no messages, so some offsets never arrive.
        return "The last run found no more." if context.cursor == state else None
    again = datetime.fromtimestamp(end or 0, UTC) + PAUSE_AFTER_FAILURE
    return (
        f"The last run failed; the next is requested after {again:%H:%M:%S} UTC." if datetime.now(UTC) < again else None
    )
