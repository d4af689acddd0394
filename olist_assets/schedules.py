"""The only schedule: upkeep makes no asset, so automation conditions cannot express it. Off until turned on."""

import dagster as dg

from olist_assets.jobs import maintenance

maintain_weekly = dg.ScheduleDefinition(
    name="maintain_weekly", job=maintenance, cron_schedule="0 5 * * 0", execution_timezone="UTC"
)
