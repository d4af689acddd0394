"""The sensor `alerts`: one round every half minute, on if a sink is configured."""

import dagster as dg

from olist_assets.alerts.positions import SENSOR
from olist_assets.alerts.sinks import configured
from olist_assets.alerts.tick import tick
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings


def alerts_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor for a warehouse and the sinks of its settings."""
    is_on = _is_configured(warehouse.settings)

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description="Send alerts for incidents: failed runs and checks, missed freshness, failed queries, warnings.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Starts no run; the result of the round is the tick's reason for that."""
        cursor, results, is_well = tick(context.instance, warehouse, context.cursor)
        context.update_cursor(cursor)
        text = "; ".join(results) or "No new events."
        (context.log.info if is_well else context.log.error)(text)
        return dg.SkipReason(text)

    return alerts


def _is_configured(settings: Settings) -> bool:
    try:
        return bool(configured(settings))
    except OlistError:
        # On, so that its ticks report what is missing.
        return True
