"""The schedules, all off until somebody turns them on in the UI."""

from datetime import timedelta

import dagster as dg

from olist_assets.jobs import daily, monitoring, snapshots
from olist_assets.engine.upkeep import maintenance
from olist_assets.partitions import FIRST_DAY, LAST_DAY

read_source_nightly = dg.ScheduleDefinition(
    name="read_source_nightly", job=snapshots, cron_schedule="0 2 * * *", execution_timezone="UTC"
)


@dg.schedule(job=daily, cron_schedule="0 3 * * *", execution_timezone="UTC")
def make_yesterday_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """The daily tables of the day before the tick."""
    day = (context.scheduled_execution_time - timedelta(days=1)).date()
    if not FIRST_DAY <= day <= LAST_DAY:
        return dg.SkipReason(
            f"The source had no {day} when this code location was loaded: its days were {FIRST_DAY} to {LAST_DAY}. "
            "Reload the code location once the source goes on."
        )
    return dg.RunRequest(run_key=str(day), partition_key=str(day), tags={"olist/day": str(day)})


maintain_weekly = dg.ScheduleDefinition(
    name="maintain_weekly", job=maintenance, cron_schedule="0 5 * * 0", execution_timezone="UTC"
)
monitor_hourly = dg.ScheduleDefinition(
    name="monitor_hourly", job=monitoring, cron_schedule="0 * * * *", execution_timezone="UTC"
)
schedules = (read_source_nightly, make_yesterday_nightly, maintain_weekly, monitor_hourly)
