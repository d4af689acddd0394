from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
from streamlit.testing.v1 import AppTest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import tables
from olist_assets.checks.kinds import checks_of
from olist_assets.dashboard import business, health, operations
from olist_assets.dashboard.health_charts import calendar, figures_text, worst_first
from olist_assets.dashboard.health_data import FAILING, HEALTHY, NEVER_MADE, NO_RUN, STALE, WARNING, Stored, stored, verdict
from olist_assets.orchestration.dagster_storage import FAILED, NOT_RUN, PASSED, WARNED, Evaluated, LastRun
from olist_assets.orchestration.instance import instance
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun
from olist_assets_tests.dashboard.conftest import evaluation, put, report, rerun, said, shown

APP = Path(business.__file__).with_name("app.py")
CATEGORIES, KEY_CHECK = "gold_category_metrics", "product_category_name_english_is_unique"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def evaluated(check: str, outcome: str, at: datetime = NOON, **more: bool) -> Evaluated:
    return Evaluated(CATEGORIES, check, outcome, at, "a-run", {}, **more)


def test_nothing_made_tells_what_to_do(settings: Settings):
    app = shown("health")
    assert "olist materialize" in said(app)
    assert not app.dataframe


def test_whole_run_has_all_tables_and_their_checks(finished: FinishedRun, monkeypatch: pytest.MonkeyPatch):
    finished.use(monkeypatch)
    app = shown("health")
    board = app.dataframe[0].value.set_index("table")
    assert set(board.index) == set(tables())
    assert sum(int(metric.value) for metric in app.metric) == len(tables())
    assert board.loc["silver_orders", "duplicates"] == 0
    assert all(link.startswith("http://127.0.0.1:3000/runs/") for link in board["run"])
    assert min(board["seconds"]) > 0
    evaluated_checks = len(checks_of(tables()["bronze_orders"]))
    assert board.loc["bronze_orders", "checks"] == f"{evaluated_checks}/{evaluated_checks}"
    assert not said(app)
    app.selectbox(key="table").set_value("silver_orders")
    assert set(rerun(app).dataframe[1].value["check"]) >= {"order_id_is_unique", "schema_matches_contract"}


def test_failing_check_is_on_top_with_its_figures(settings: Settings):
    for name in ("bronze_orders", CATEGORIES):
        put(settings, name, [{"product_category_name_english": "toys"}] * 3)
        report(dg.AssetMaterialization(name))
    report(evaluation(CATEGORIES, KEY_CHECK, passed=True, offending_rows=0))
    report(evaluation(CATEGORIES, KEY_CHECK, passed=False, offending_rows=2))
    report(evaluation(CATEGORIES, "schema_matches_contract", passed=True))
    app = shown("health")
    board, checks = app.dataframe[0].value, app.dataframe[1].value
    top = board.iloc[0]
    assert (top["table"], top["status"], top["duplicates"], top["rows"]) == (CATEGORIES, "● failing", 2, 3)
    assert list(checks["outcome"]) == ["● failed", "● passed"]
    assert checks.loc[0, "figures"] == "offending_rows 2"


def test_schema_version_counts_the_changes_of_columns(settings: Settings):
    put(settings, CATEGORIES, [{"category": "toys"}])
    # Says the columns again, which are the same.
    lakehouse.open_table(settings, CATEGORIES).alter.set_table_properties({"delta.appendOnly": "false"})
    put(settings, CATEGORIES, [{"category": "books", "units_sold": 3}], schema_mode="overwrite")
    found = stored(settings, tables()[CATEGORIES])
    assert found
    assert (found.version, found.schema_version, found.schema_since, found.rows) == (2, 2, 2, 1)


def test_storage_that_cannot_be_opened_is_one_message(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    (settings.warehouse_path.parent / "home" / "dagster.yaml").write_text("event_log_storage: {module: none}")
    monkeypatch.setattr(business, "page", health.page)
    app = AppTest.from_file(APP, default_timeout=60)
    assert "Set DAGSTER_HOME" in said(rerun(app))


def test_tables_that_dagster_knows_nothing_of(settings: Settings):
    put(settings, CATEGORIES, [{"product_category_name_english": "toys"}])
    app = shown("health")
    assert "DAGSTER_HOME" in said(app)
    assert f"olist checks --select {app.selectbox(key='table').value}" in said(app)


def test_broken_table_fails_and_the_others_are_shown(settings: Settings):
    put(settings, CATEGORIES, [{"product_category_name_english": "toys"}])
    log = settings.warehouse_path / "gold" / CATEGORIES / "_delta_log"
    (log / "00000000000000000001.json").write_text("{")
    app = shown("health")
    assert list(app.dataframe[0].value["status"][:2]) == ["● failing", "● never made"]
    assert "00000000000000000001.json" in app.markdown[0].value


def test_run_that_made_nothing_is_a_failure(settings: Settings):
    @dg.asset(name=CATEGORIES)
    def fails() -> None:
        raise ValueError

    report(dg.AssetMaterialization(CATEGORIES), dg.AssetMaterialization("gold_product_metrics"))
    with instance() as storage:
        run = dg.materialize([fails], instance=storage, raise_on_error=False)
        found = operations.last_runs(storage, [CATEGORIES, "gold_product_metrics"])
    assert (found[CATEGORIES].has_failed, found[CATEGORIES].run_id) == (True, run.run_id)
    assert not found["gold_product_metrics"].has_failed


def test_check_that_a_run_never_came_to_is_passed_over(settings: Settings):
    @dg.asset_check(asset="gold_product_metrics", blocking=True, name="schema_matches_contract")
    def fails() -> dg.AssetCheckResult:
        raise ValueError

    report(evaluation("gold_product_metrics", "schema_matches_contract", passed=True))
    with instance() as storage:
        job = dg.Definitions(
            asset_checks=[fails], jobs=[dg.define_asset_job("checks", dg.AssetSelection.all_asset_checks())]
        )
        job.resolve_job_def("checks").execute_in_process(instance=storage, raise_on_error=False)
        latest = operations.latest_checks(storage)
        history = operations.check_history(storage, "gold_product_metrics")
    assert [(each.outcome, each.was_passed_over) for each in latest] == [(PASSED, True)]
    assert [each.outcome for each in history] == [NOT_RUN, PASSED]


@pytest.mark.parametrize(
    ("stored", "run", "checks", "newer", "status"),
    [
        (Stored(), NO_RUN, [], [], HEALTHY),
        (Stored(), NO_RUN, [evaluated("a", PASSED)], [], HEALTHY),
        (Stored(), NO_RUN, [], ["silver_orders"], STALE),
        (None, NO_RUN, [], [], NEVER_MADE),
        (Stored(), NO_RUN, [evaluated("a", WARNED)], ["silver_orders"], WARNING),
        (Stored(), NO_RUN, [evaluated("a", PASSED, was_passed_over=True)], [], WARNING),
        (Stored(), NO_RUN, [evaluated("a", WARNED), evaluated("b", FAILED)], [], FAILING),
        (Stored(), LastRun("a-run", None, None, has_failed=True), [], [], FAILING),
        (Stored(error="gone"), NO_RUN, [], [], FAILING),
    ],
)
def test_verdict_is_the_worst_there_is(stored, run, checks, newer, status):
    found, reasons = verdict(stored, run, checks, newer)
    assert found == status
    assert bool(reasons) == (status != HEALTHY)


def test_table_made_before_what_it_reads_is_stale(settings: Settings):
    for name in ("gold_product_metrics", CATEGORIES):
        put(settings, name, [{"product_category_name_english": "toys"}])
    report(dg.AssetMaterialization(CATEGORIES), dg.AssetMaterialization("gold_product_metrics"))
    board = shown("health").dataframe[0].value.set_index("table")
    assert board.loc[CATEGORIES, "status"] == "● stale"
    assert board.loc["gold_product_metrics", "status"] == "● healthy"


def test_calendar_shows_the_missing_day(settings: Settings):
    put(settings, "silver_orders", [{"order_id": "a", "order_date": date(2017, 3, 1)}] * 2)
    report(*(dg.AssetMaterialization("silver_orders", partition=day) for day in ("2017-03-01", "2017-03-03")))
    with instance() as storage:
        states = operations.day_states(storage, "silver_orders")
        assert operations.day_states(storage, CATEGORIES) == {}
    assert [states[f"2017-03-0{day}"] for day in (1, 2, 3)] == ["materialized", "missing", "materialized"]
    drawn = next(iter(calendar(states, {"2017-03-01": 2}, 2017).to_dict()["datasets"].values()))
    days = {row["day"]: (row["state"], row["rows"], row["week"], row["weekday"]) for row in drawn}
    assert len(days) == 365
    assert days["Wed 01 Mar 2017"] == ("materialized", 2, 9, "Wed")
    assert days["Thu 02 Mar 2017"] == ("missing", 0, 9, "Thu")
    assert days["Sun 01 Jan 2017"][2:] == (0, "Sun")
    app = shown("health")
    app.selectbox(key="table").set_value("silver_orders")
    assert any("2 materialized" in text.value for text in rerun(app).markdown)


def test_worst_checks_come_first_by_their_newest_evaluation():
    later = datetime(2026, 1, 31, 13, tzinfo=UTC)
    history = [evaluated("b", FAILED), evaluated("b", PASSED, later), evaluated("c", WARNED), evaluated("a", PASSED)]
    assert worst_first(history) == ["c", "a", "b"]


def test_figures_in_one_line():
    figures = {"rows": 1200, "psi": 0.01234567, "nulls_by_column": {"a": 0, "b": 2}, "differences": []}
    assert figures_text(figures) == "rows 1,200, psi 0.01235, nulls_by_column b 2, differences none"
