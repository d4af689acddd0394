"""The sensor `alerts`: a round each half minute, on where a sink is configured."""

import dagster as dg

from olist_assets.alerts.sinks import configured
from olist_assets.alerts.tick import tick
from olist_assets.errors import OlistError
from olist_assets.settings import Settings


def _is_configured() -> bool:
    try:
        return bool(configured(Settings()))
    except OlistError:
        # On, so that its ticks say what is missing.
        return True


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING if _is_configured() else dg.DefaultSensorStatus.STOPPED,
    description="Tells of failed runs, failed checks and warnings, missed freshness and dashboard failures.",
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Starts no run: what it did is the tick's reason for that."""
    cursor, done, is_well = tick(context.instance, Settings(), context.cursor)
    context.update_cursor(cursor)
    told = "; ".join(done) or "Nothing new."
    (context.log.info if is_well else context.log.error)(told)
    return dg.SkipReason(told)
