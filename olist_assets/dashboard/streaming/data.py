"""What the Streaming page shows: micro-batches, events per minute, messages that are no events, changed days."""

from datetime import datetime
from enum import StrEnum

import dagster as dg
import pandas as pd

from olist_assets.dashboard import data
from olist_assets.dashboard.storage import instance

KINDS = ("applied", "superseded", "rejected")
"""What becomes of an event: these columns of `monitoring_stream` add up to `rows`."""
MAX_REPORTS, MAX_REJECTS = 20, 100
LAST = "(SELECT max(committed_at) FROM monitoring_stream)"


class Span(StrEnum):
    """How far back the charts go, from the last batch."""

    HOUR = "1 hour"
    DAY = "1 day"
    MONTH = "30 days"


def batches(span: Span) -> pd.DataFrame:
    """The batches of a span, the newest first. Raises Missing and QueryFailed."""
    return data.answer(
        f"FROM monitoring_stream WHERE committed_at >= {LAST} - CAST($span AS INTERVAL) ORDER BY committed_at DESC",
        span=str(span),
    )


def per_minute(span: Span) -> pd.DataFrame:
    """`minute`, `kind` and `events`: events by the minute of their commit and by what became of them."""
    sums = ", ".join(f"sum({kind})::BIGINT AS {kind}" for kind in KINDS)
    minutes = (
        f"SELECT date_trunc('minute', committed_at) AS minute, {sums} FROM monitoring_stream "
        f"WHERE committed_at >= {LAST} - CAST($span AS INTERVAL) GROUP BY minute"
    )
    return data.answer(
        f"FROM (UNPIVOT ({minutes}) ON {', '.join(KINDS)} INTO NAME kind VALUE events) ORDER BY minute, kind",
        span=str(span),
    )


def totals() -> pd.Series:
    """All batches as one row: number, messages, KINDS, 95th percentile of the lag, last commit. Raises Missing."""
    sums = ", ".join(f"coalesce(sum({kind}), 0)::BIGINT AS {kind}" for kind in ("rows", *KINDS))
    return data.answer(
        f"SELECT count(*) AS batches, {sums}, quantile_cont(lag_seconds, 0.95) AS lag_95, max(committed_at) AS last "
        "FROM monitoring_stream"
    ).iloc[0]


def rejects() -> pd.DataFrame:
    """The newest messages that are no events: `key` (topic, partition, offset) and when they came."""
    return data.answer(
        "SELECT key, value, ingestion_timestamp FROM silver_rejects WHERE reason = 'bad_event' "
        f"ORDER BY ingestion_timestamp DESC LIMIT {MAX_REJECTS}"
    )


def changed_days() -> pd.DataFrame:
    """The last reports of changed orders to Dagster: `at` and `days`, which `orders_changed` requests again."""
    orders = data.warehouse().catalog.orders.name
    found = instance().fetch_materializations(dg.AssetKey(orders), limit=MAX_REPORTS).records
    rows = []
    for record in found:
        metadata = record.asset_materialization.metadata if record.asset_materialization else {}
        days = metadata.get("changed_days")
        if days and days.value:
            rows.append({"at": datetime.fromtimestamp(record.timestamp), "days": days.value})
    return pd.DataFrame(rows, columns=pd.Index(["at", "days"]))
