"""The jobs: everything, the snapshots that a day reads, the daily tables, upkeep, and monitoring."""

import dagster as dg

from olist_assets.catalog import assets, tables
from olist_assets.engine.upkeep import maintenance
from olist_assets.checks.thresholds import FRESHNESS_CHECK
from olist_assets.partitions import daily_orders

DAILY_TABLES = tuple(made.key.to_user_string() for made in assets() if made.partitions_def == daily_orders)
MONITORED = dg.AssetSelection.groups("monitoring")
_daily = dg.AssetSelection.assets(*DAILY_TABLES)

olist = dg.define_asset_job("olist", dg.AssetSelection.all() - MONITORED, description="Every table, with its checks.")
snapshots = dg.define_asset_job(
    "snapshots", _daily.upstream() - _daily, description="The source read anew, and all that a day is joined with."
)
daily = dg.define_asset_job("daily", _daily, description="A day of the daily tables, or a range of them.")
# A table that nobody makes any more goes stale without a run: so its freshness is asked about here.
_freshness = [dg.AssetCheckKey(dg.AssetKey(name), FRESHNESS_CHECK) for name, t in tables().items() if t.usual.freshness]
monitoring = dg.define_asset_job(
    "monitoring",
    MONITORED | dg.AssetSelection.checks(*_freshness),
    description="What is kept of tables and durations, the dashboard's queries, and freshness: no JVM.",
)
jobs = (olist, snapshots, daily, maintenance, monitoring)
