"""The jobs: everything, the snapshots that a day reads, the daily tables, and upkeep."""

import dagster as dg

from olist_assets.catalog import assets
from olist_assets.maintenance import maintenance
from olist_assets.partitions import daily_orders

DAILY_TABLES = tuple(made.key.to_user_string() for made in assets() if made.partitions_def == daily_orders)
_daily = dg.AssetSelection.assets(*DAILY_TABLES)

olist = dg.define_asset_job("olist", dg.AssetSelection.all(), description="Every table, with its checks.")
snapshots = dg.define_asset_job(
    "snapshots", _daily.upstream() - _daily, description="The source read anew, and all that a day is joined with."
)
daily = dg.define_asset_job("daily", _daily, description="A day of the daily tables, or a range of them.")
jobs = (olist, snapshots, daily, maintenance)
