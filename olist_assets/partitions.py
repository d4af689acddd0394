"""The daily partitions: one a calendar day from the first to the last purchase of the source."""

from datetime import date, timedelta

import dagster as dg

from olist_assets.errors import OlistError
from olist_assets.settings import Settings
from olist_assets.source.days import order_days

# The published dataset's days: what definitions show while there is no source to ask.
PUBLISHED_DAYS = (date(2016, 9, 4), date(2018, 10, 17))


def _days() -> tuple[date, date]:
    try:
        return order_days(Settings())
    except OlistError:
        return PUBLISHED_DAYS


FIRST_DAY, LAST_DAY = _days()
# The end follows the data; Dagster's end is exclusive.
daily_orders = dg.DailyPartitionsDefinition(
    start_date=FIRST_DAY.isoformat(), end_date=(LAST_DAY + timedelta(days=1)).isoformat()
)
