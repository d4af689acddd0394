"""The monitoring assets: what they keep, what they judge, and the dashboard's queries that fail. No JVM."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import all_tables, tables
from olist_assets.checks.assembly import evaluated
from olist_assets.definitions import defs
from olist_assets.monitoring import dashboard_refresh as refreshing
from olist_assets.monitoring.monitoring_durations import MONITORING_DURATIONS, duration_checks, monitoring_durations
from olist_assets.monitoring.monitoring_tables import MONITORING_TABLES, monitoring_tables
from olist_assets.monitoring.append import add_new
from olist_assets.checks.thresholds import FRESHNESS_CHECK
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.lakehouse.schemas import shape

START = datetime(2026, 1, 1, tzinfo=UTC)


def write(settings, rows: int) -> None:
    path = str(lakehouse.table_path(settings, "silver_orders"))
    write_deltalake(path, pa.table({"order_id": [None, *map(str, range(rows - 1))]}), mode="overwrite")


def made(*assets: Any, instance: dg.DagsterInstance | None = None) -> bool:
    return dg.materialize([*assets], instance=instance, raise_on_error=False).success


def stored(settings, name: str) -> list[dict]:
    return lakehouse.open_table(settings, name).to_pyarrow_table().to_pylist()


def test_each_version_of_a_table_is_kept_once_also_of_one_made_anew(settings):
    write(settings, 10)
    write(settings, 20)
    assert made(monitoring_tables)
    write(settings, 30)
    assert made(monitoring_tables)
    kept = sorted(stored(settings, MONITORING_TABLES.name), key=lambda row: row["version"])
    assert [(row["table"], row["version"], row["rows"]) for row in kept] == [
        ("silver_orders", 0, 10), ("silver_orders", 1, 20), ("silver_orders", 2, 30),
    ]  # fmt: skip
    assert kept[0]["null_rates"] == '{"order_id": 0.1}'
    assert len({row["schema_hash"] for row in kept}) == 1
    lakehouse.table_path(settings, "silver_orders").rename(settings.warehouse_path / "away")
    write(settings, 40)
    assert made(monitoring_tables)
    assert [row["rows"] for row in stored(settings, MONITORING_TABLES.name)].count(40) == 1
    assert len(stored(settings, MONITORING_TABLES.name)) == 4


def test_what_is_kept_is_stored_as_its_contract_says_and_can_be_asked(settings, olist):
    write(settings, 10)
    with dg.DagsterInstance.ephemeral() as instance:
        assert made(monitoring_tables, monitoring_durations, instance=instance)
    for table in (MONITORING_TABLES, MONITORING_DURATIONS):
        found = lakehouse.open_table(settings, table.name)
        assert shape(found) == {c.name: (c.type, c.nullable) for c in table.columns}
        comments = [field.metadata.get("comment") for field in found.schema().fields]
        assert comments == [column.description for column in table.columns]
    code, text = olist("sql", "--format", "csv", 'SELECT "rows" FROM monitoring_tables')
    assert (code, text) == (0, "rows\n10\n")
    assert "monitoring_tables" in olist("tables")[1]


def test_runs_steps_and_queries_are_kept_with_their_seconds(settings):
    @dg.op
    def slow() -> None: ...

    @dg.job
    def nightly() -> None:
        slow()

    audit_log.record(settings, "query", ["silver_orders"], statement="FROM silver_orders", seconds=0.5)
    audit_log.record(settings, "query", [], statement="wrong", seconds=0.5, error="no such table")
    with dg.DagsterInstance.ephemeral() as instance:
        run = nightly.execute_in_process(
            instance=instance, tags={"dagster/asset_partition_range_start": "2018-01-01", "dagster/partition": "x"}
            | {"dagster/asset_partition_range_end": "2018-01-03"},
        )  # fmt: skip
        for _ in range(2):
            assert made(monitoring_durations, instance=instance)
    rows = {(row["kind"], row["name"], row["id"]): row for row in stored(settings, MONITORING_DURATIONS.name)}
    assert ("run", "nightly (1 steps, 3 days)", run.run_id) in rows
    assert ("step", "slow (3 days)", run.run_id) in rows
    assert [key[1] for key in rows if key[0] == "query"] == ["FROM silver_orders"]
    assert len(rows) == len(stored(settings, MONITORING_DURATIONS.name))


@pytest.mark.parametrize(
    ("seconds", "passes"),
    [
        ([10, 11, 10, 12], True),
        ([10, 11, 10, 25], False),
        ([10, 11, 10, 2], True),  # faster is fine
        ([10, 30], True),  # nothing to compare with
        ([0.1, 0.1, 0.1, 0.9], True),  # nobody waits for that
    ],
)
@pytest.mark.parametrize("kind", ["run", "step", "query"])
def test_what_takes_much_longer_than_before_warns(settings, kind, seconds, passes):
    rows = [
        {"kind": kind, "name": "it", "id": str(n), "at": START + timedelta(n), "seconds": float(took)}
        for n, took in enumerate(seconds)
    ]
    add_new(settings, MONITORING_DURATIONS, rows)
    results = {r.check_name: r for r in evaluated(MONITORING_DURATIONS, duration_checks(), settings)}
    assert results[f"{kind}_durations_are_usual"].passed == passes
    assert all(result.passed for name, result in results.items() if not str(name).startswith(kind))
    assert all(result.severity == dg.AssetCheckSeverity.WARN for result in results.values())


def test_a_dashboard_query_that_fails_is_in_the_audit_log_and_the_others_are_asked(settings, monkeypatch, tmp_path):
    for name, query in {"a": "FROM gold_daily_metrics", "b": "SELECT count(*) FROM silver_orders", "c": "oops"}.items():
        (tmp_path / f"{name}.sql").write_text(query)
    monkeypatch.setattr(refreshing, "QUERIES", tmp_path)
    write(settings, 10)
    assert not made(refreshing.dashboard_refresh)
    table = open_delta(audit_log.path(settings)).to_pyarrow_table()
    entries = {row["statement"]: row for row in table.to_pylist()}
    assert "does not exist yet" in entries["queries/a.sql"]["error"]
    assert "Parser Error" in entries["queries/c.sql"]["error"]
    assert (entries["queries/b.sql"]["error"], entries["queries/b.sql"]["tables"]) == (None, ["silver_orders"])
    assert {row["action"] for row in entries.values()} == {"refresh"}


def test_the_job_asks_for_freshness_and_no_other_run_makes_what_monitors():
    job = defs.resolve_job_def("monitoring").asset_layer
    names = {key.to_user_string() for key in job.executable_asset_keys}
    assert names == {"monitoring_tables", "monitoring_durations", "dashboard_refresh"}
    # Otherwise a table that nobody makes any more would go stale without a word.
    fresh = {key.asset_key.to_user_string() for key in job.asset_graph.asset_check_keys if key.name == FRESHNESS_CHECK}
    assert fresh == {name for name, table in tables().items() if table.usual.freshness} != set()
    assert not names & {key.to_user_string() for key in defs.resolve_job_def("olist").asset_layer.executable_asset_keys}
    assert set(all_tables()) - set(tables()) == names - {"dashboard_refresh"}
