"""The monitoring assets: beside the layers, so that no run of the tables waits for them."""

from olist_assets.checks.assembly import asset_checks
from olist_assets.contracts.table import Table
from olist_assets.monitoring.dashboard_refresh import dashboard_refresh
from olist_assets.monitoring.monitoring_durations import MONITORING_DURATIONS, duration_checks, monitoring_durations
from olist_assets.monitoring.monitoring_tables import MONITORING_TABLES, monitoring_tables

MONITORING: tuple[Table, ...] = (MONITORING_TABLES, MONITORING_DURATIONS)
monitoring_assets = (monitoring_tables, monitoring_durations, dashboard_refresh)
monitoring_checks = (asset_checks(MONITORING_TABLES), asset_checks(MONITORING_DURATIONS, duration_checks()))
