"""dashboard_refresh: failed queries are in the audit log; and the job `monitoring` that runs it."""

from olist_assets.checks.thresholds import FRESHNESS_CHECK
from olist_assets.governance import audit_log
from olist_assets.lakehouse import packaged_queries
from olist_assets.monitoring.dashboard_refresh import dashboard_refresh


def test_failed_query_is_in_the_audit_log_and_the_others_are_run(
    warehouse, write_orders, materialize, monkeypatch, tmp_path
):
    for name, query in {"a": "FROM gold_daily_metrics", "b": "SELECT count(*) FROM silver_orders", "c": "oops"}.items():
        (tmp_path / f"{name}.sql").write_text(query)
    monkeypatch.setattr(packaged_queries, "FOLDER", tmp_path)
    write_orders(10)
    assert not materialize(dashboard_refresh)
    entries = {entry["statement"]: entry for entry in audit_log.latest(warehouse, 10, {})}
    assert set(entries) == {"queries/a.sql", "queries/b.sql", "queries/c.sql"}
    assert entries["queries/a.sql"]["error"] == "TableMissing"
    assert entries["queries/c.sql"]["error"] == "Parser Error at line 1, column 1"
    assert (entries["queries/b.sql"]["error"], entries["queries/b.sql"]["tables"]) == (None, ["silver_orders"])
    assert {entry["action"] for entry in entries.values()} == {"refresh"}


def test_job_checks_freshness_and_no_other_job_makes_the_assets_of_monitoring(platform):
    definitions, catalog = platform.definitions, platform.catalog
    job = definitions.resolve_job_def("monitoring").asset_layer
    names = {key.to_user_string() for key in job.executable_asset_keys}
    assert names == {
        "monitoring_tables",
        "monitoring_durations",
        "monitoring_incidents",
        "monitoring_profiles",
        "dashboard_refresh",
    }
    # Otherwise a table that nobody makes any more would go stale without a message.
    fresh = {key.asset_key.to_user_string() for key in job.asset_graph.asset_check_keys if key.name == FRESHNESS_CHECK}
    assert fresh == {name for name, table in catalog.business_tables.items() if table.thresholds.freshness} != set()
    everything = definitions.resolve_job_def("olist").asset_layer.executable_asset_keys
    assert not names & {key.to_user_string() for key in everything}
    other = {name for name, table in catalog.tables.items() if table.layer == "streaming"}
    assert set(catalog.tables) - set(catalog.business_tables) - other == names - {"dashboard_refresh"}
