"""The Health page: the status of each table, its checks over time, its days."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from streamlit.testing.v1 import AppTest

from olist_assets.catalog import catalog
from olist_assets.checks.kinds import checks_of
from olist_assets.dashboard.business import page as business
from olist_assets.dashboard.health import page as health
from olist_assets.dashboard.health.charts import calendar, metadata_text, strip, worst_first
from olist_assets.dashboard.health.data import Status, StoredTable, history, status_of, stored_table
from olist_assets.dashboard.health.profiles import profile_chart
from olist_assets.gold.gold_category_metrics import GOLD_CATEGORY_METRICS
from olist_assets.gold.gold_product_metrics import GOLD_PRODUCT_METRICS
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.dagster_storage import CheckEvaluation, DayState, LastRun, Outcome
from olist_assets.settings import Settings
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.conftest import FinishedRun
from olist_assets_tests.dashboard.conftest import APP, evaluation, messages, report, rerun, shown, use
from olist_assets_tests.foreign import with_column_mapping
from olist_assets_tests.rows import store

CATEGORIES, KEY_CHECK = GOLD_CATEGORY_METRICS.name, "product_category_name_english_is_unique"
TOYS = {"product_category_name_english": "toys"}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def evaluated(check: str, outcome: Outcome, at: datetime = NOON, *, is_outdated: bool = False) -> CheckEvaluation:
    return CheckEvaluation(CATEGORIES, check, outcome, at, "a-run", {}, is_outdated)


def test_page_without_tables_shows_the_command_that_creates_them(settings: Settings):
    app = shown("health")
    assert "olist materialize" in messages(app)
    assert not app.dataframe


def test_page_after_a_whole_run_has_all_tables_and_their_checks(finished: FinishedRun, monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, finished.settings)
    tables = catalog().business_tables
    app = shown("health")
    board = app.dataframe[0].value.set_index("table")
    assert set(board.index) == set(tables)
    assert sum(int(metric.value) for metric in app.metric) == len(tables)
    assert board.loc["silver_orders", "duplicates"] == 0
    assert all(link.startswith("http://127.0.0.1:3000/runs/") for link in board["run"])
    assert min(board["seconds"]) > 0
    number = len(checks_of(tables["bronze_orders"], tuple(catalog().tables)))
    assert board.loc["bronze_orders", "checks"] == f"{number}/{number}"
    assert not messages(app)
    app.selectbox(key="table").set_value("silver_orders")
    assert set(rerun(app).dataframe[1].value["check"]) >= {"order_id_is_unique", "schema_matches_contract"}


def test_failing_check_is_on_top_with_its_metadata(warehouse: Warehouse, storage: dg.DagsterInstance):
    store(warehouse, GOLD_PRODUCT_METRICS, {})
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS, TOYS, TOYS)
    report(storage, *(dg.AssetMaterialization(table.name) for table in (GOLD_PRODUCT_METRICS, GOLD_CATEGORY_METRICS)))
    report(
        storage,
        evaluation(CATEGORIES, KEY_CHECK, passed=True, offending_rows=0),
        evaluation(CATEGORIES, KEY_CHECK, passed=False, offending_rows=2),
        evaluation(CATEGORIES, "schema_matches_contract", passed=True),
    )
    app = shown("health")
    board, checks = app.dataframe[0].value, app.dataframe[1].value
    top = board.iloc[0]
    assert (top["table"], top["status"], top["duplicates"], top["rows"]) == (CATEGORIES, "● failing", 2, 3)
    assert list(checks["outcome"]) == ["● failed", "● passed"]
    assert checks.loc[0, "metadata"] == "offending_rows 2"


def test_check_of_a_run_over_many_days_is_shown_once_and_as_passed(warehouse: Warehouse, storage: dg.DagsterInstance):
    days = dg.DailyPartitionsDefinition("2017-01-01", end_date="2018-01-01")
    policy = dg.BackfillPolicy.single_run()

    @dg.asset(name="silver_orders", partitions_def=days, backfill_policy=policy)
    def silver_orders() -> None:
        store(warehouse, SILVER_ORDERS, {"order_date": date(2017, 3, 1)})

    @dg.asset_check(asset="silver_orders", name="order_id_is_unique", blocking=True)
    def is_unique() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    job = dg.Definitions(
        assets=[silver_orders], asset_checks=[is_unique], jobs=[dg.define_asset_job("job", "silver_orders")]
    ).resolve_job_def("job")
    tags = {"dagster/asset_partition_range_start": "2017-01-01", "dagster/asset_partition_range_end": "2017-03-31"}
    job.execute_in_process(instance=storage, tags=tags)
    (row,) = strip(history("silver_orders")).to_dict()["datasets"].popitem()[1]
    assert (row["check"], row["outcome"]) == ("order_id_is_unique", "passed")
    app = shown("health", table="silver_orders")
    assert list(app.dataframe[1].value["outcome"]) == ["● passed"]
    assert app.dataframe[0].value.set_index("table").loc["silver_orders", "status"] == "● healthy"


def test_schema_version_counts_the_changes_of_columns(warehouse: Warehouse):
    path = str(warehouse.path(CATEGORIES))
    write_deltalake(path, pa.table({"category": ["toys"]}))
    # This commit has a schema too, the same one.
    warehouse.open(CATEGORIES).alter.set_table_properties({"delta.appendOnly": "false"})
    changed = pa.table({"category": ["books"], "units_sold": [3]})
    write_deltalake(path, changed, mode="overwrite", schema_mode="overwrite")
    found = stored_table(warehouse, GOLD_CATEGORY_METRICS)
    assert found
    assert (found.version, found.schema_version, found.schema_since, found.rows) == (2, 2, 2, 1)


def test_storage_that_cannot_be_opened_is_one_message(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    (settings.warehouse_path.parent / "home" / "dagster.yaml").write_text("event_log_storage: {module: none}")
    monkeypatch.setattr(business, "page", health.page)
    assert "Set DAGSTER_HOME" in messages(rerun(AppTest.from_file(APP, default_timeout=60)))


def test_tables_without_a_run_in_dagsters_storage(warehouse: Warehouse):
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS)
    app = shown("health")
    assert "DAGSTER_HOME" in messages(app)
    assert f"olist checks --select {app.selectbox(key='table').value}" in messages(app)


def test_table_of_another_writer_is_failing_and_says_why(warehouse: Warehouse):
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS)
    with_column_mapping(warehouse.path(CATEGORIES))
    found = stored_table(warehouse, GOLD_CATEGORY_METRICS)
    assert found
    assert "columnMapping" in str(found.error)
    app = shown("health")
    assert list(app.dataframe[0].value["status"][:2]) == ["● failing", "● missing"]


def test_table_that_cannot_be_opened_is_failing_and_the_others_are_shown(warehouse: Warehouse):
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS)
    (warehouse.path(CATEGORIES) / "_delta_log" / "00000000000000000002.json").write_text("{")
    app = shown("health")
    assert list(app.dataframe[0].value["status"][:2]) == ["● failing", "● missing"]
    assert "00000000000000000002.json" in app.markdown[0].value


@pytest.mark.parametrize(
    ("stored", "run", "checks", "newer", "status"),
    [
        (StoredTable(), LastRun(), [], [], Status.HEALTHY),
        (StoredTable(), LastRun(), [evaluated("a", Outcome.PASSED)], [], Status.HEALTHY),
        (StoredTable(), LastRun(), [], ["silver_orders"], Status.STALE),
        (None, LastRun(), [], [], Status.MISSING),
        (StoredTable(), LastRun(), [evaluated("a", Outcome.WARNING)], ["silver_orders"], Status.WARNING),
        (StoredTable(), LastRun(), [evaluated("a", Outcome.PASSED, is_outdated=True)], [], Status.WARNING),
        (
            StoredTable(),
            LastRun(),
            [evaluated("a", Outcome.WARNING), evaluated("b", Outcome.FAILED)],
            [],
            Status.FAILING,
        ),
        (StoredTable(), LastRun("a-run", has_failed=True), [], [], Status.FAILING),
        (StoredTable(error="gone"), LastRun(), [], [], Status.FAILING),
    ],
)
def test_status_is_the_worst_that_has_a_reason(stored, run, checks, newer, status):
    found, reasons = status_of(stored, run, checks, newer)
    assert found == status
    assert bool(reasons) == (status != Status.HEALTHY)


def test_table_older_than_a_table_that_it_reads_is_stale(warehouse: Warehouse, storage: dg.DagsterInstance):
    for table in (GOLD_CATEGORY_METRICS, GOLD_PRODUCT_METRICS):
        store(warehouse, table, {})
        report(storage, dg.AssetMaterialization(table.name))
    board = shown("health").dataframe[0].value.set_index("table")
    assert board.loc[CATEGORIES, "status"] == "● stale"
    assert board.loc["gold_product_metrics", "status"] == "● healthy"


def test_page_counts_the_days_by_state(warehouse: Warehouse, storage: dg.DagsterInstance):
    store(warehouse, SILVER_ORDERS, {"order_date": date(2017, 3, 1)})
    report(storage, *(dg.AssetMaterialization("silver_orders", partition=f"2017-03-0{day}") for day in (1, 3)))
    app = shown("health", table="silver_orders")
    assert any("2 days materialized" in text.value for text in app.markdown)


def test_calendar_shows_the_missing_day():
    states = {str(date(2017, 1, 1) + timedelta(n)): DayState.MISSING for n in range(365)}
    states |= {"2017-03-01": DayState.MATERIALIZED, "2017-03-03": DayState.MATERIALIZED}
    drawn = next(iter(calendar(states, {"2017-03-01": 2}, 2017).to_dict()["datasets"].values()))
    days = {row["day"]: (row["state"], row["rows"], row["week"], row["weekday"]) for row in drawn}
    assert len(days) == 365
    assert days["Wed 01 Mar 2017"] == ("materialized", 2, 9, "Wed")
    assert days["Thu 02 Mar 2017"] == ("missing", 0, 9, "Thu")
    assert days["Sun 01 Jan 2017"][2:] == (0, "Sun")


def test_worst_checks_come_first_by_their_newest_evaluation():
    later = datetime(2026, 1, 31, 13, tzinfo=UTC)
    history = [
        evaluated("b", Outcome.FAILED),
        evaluated("b", Outcome.PASSED, later),
        evaluated("c", Outcome.WARNING),
        evaluated("a", Outcome.PASSED),
    ]
    assert worst_first(history) == ["c", "a", "b"]


def test_metadata_in_one_line():
    metadata = {"rows": 1200, "psi": 0.01234567, "nulls_by_column": {"a": 0, "b": 2}, "differences": []}
    assert metadata_text(metadata) == "rows 1,200, psi 0.01235, nulls_by_column b 2, differences none"


def test_a_metric_is_drawn_beside_what_was_usual(warehouse: Warehouse):
    table = warehouse.catalog.table("silver_purchases")
    store(warehouse, table, {})
    days = [date(2018, 1, 1) + timedelta(day) for day in range(3)]
    of_table = {"table": table.name, "column": "customer_state", "expected": 0.3, "spread": 0.01}
    profiles = [
        of_table | {"segment": state, "metric": "share", "day": day, "value": value, "is_unusual": value < 0.1}
        for state, last in (("RJ", 0.02), ("SP", 0.31))
        for day, value in zip(days, (0.3, 0.3, last), strict=True)
    ]
    store(warehouse, warehouse.catalog.table("monitoring_profiles"), *profiles)
    app = shown("health")
    app.selectbox(key="table").set_value(table.name)
    app = rerun(app)
    assert "could not be read" not in messages(app)
    # The metric with the newest unusual day comes first.
    assert app.selectbox(key="profile").options == ["share of customer_state = RJ", "share of customer_state = SP"]
    assert "Profiles of days" in " ".join(text.value for text in app.markdown)


def test_the_chart_of_a_metric_has_a_band_a_line_and_points_for_unusual_days():
    days = pd.DataFrame(
        {"day": [NOON], "value": [1.0], "expected": [2.0], "low": [1.5], "high": [2.5], "is_unusual": [True]}
    )
    drawn = profile_chart(days).to_dict()
    assert [layer["mark"]["type"] for layer in drawn["layer"]] == ["area", "line", "point"]
