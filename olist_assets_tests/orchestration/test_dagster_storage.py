"""What is read from Dagster's storage, over a small asset graph of its own: no engine, no warehouse."""

from collections import Counter
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterRunStatus

from olist_assets.orchestration import dagster_storage
from olist_assets.orchestration.dagster_storage import (
    DayState,
    Outcome,
    check_description,
    check_history,
    day_states,
    events_cursor,
    last_runs,
    latest_checks,
    run_link,
)
from olist_assets.settings import Address, Settings

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")
CHECK = dg.AssetCheckKey(dg.AssetKey("orders"), "rows_are_unique")


class State:
    """What the asset and the check do in the next run."""

    asset_fails = check_passes = check_fails = False


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def orders() -> dg.MaterializeResult:
    if State.asset_fails:
        raise ValueError
    return dg.MaterializeResult(metadata={"seconds": 1.5})


@dg.asset
def customers() -> None: ...


@dg.asset_check(asset=orders, description="No two rows are the same.")
def rows_are_unique() -> dg.AssetCheckResult:
    if State.check_fails:
        raise ValueError
    return dg.AssetCheckResult(passed=State.check_passes, metadata={"offending_rows": 2})


DEFS = dg.Definitions(
    assets=[orders, customers],
    asset_checks=[rows_are_unique],
    jobs=[dg.define_asset_job("orders_job", selection=["orders"]), dg.define_asset_job("customers_job", "customers")],
    executor=dg.in_process_executor,
)
GRAPH = DEFS.resolve_asset_graph()


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An empty storage in memory; the asset and the check succeed until a test says otherwise."""
    monkeypatch.setattr(State, "asset_fails", False)
    monkeypatch.setattr(State, "check_fails", False)
    monkeypatch.setattr(State, "check_passes", True)
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(instance: dg.DagsterInstance, first: str = "2024-01-01", last: str = "2024-01-31") -> str:
    """Run the daily asset and its check over a range of days; returns the run's id."""
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    job = DEFS.resolve_job_def("orders_job")
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).run_id


def run_customers(instance: dg.DagsterInstance) -> None:
    DEFS.resolve_job_def("customers_job").execute_in_process(instance=instance)


def planned_run(instance: dg.DagsterInstance, status: DagsterRunStatus) -> str:
    """A run in a status that planned the check for three days and evaluated nothing; returns its id."""
    tags = {"dagster/asset_partition_range_start": "2024-01-01", "dagster/asset_partition_range_end": "2024-01-03"}
    return instance.create_run_for_job(DEFS.resolve_job_def("orders_job"), status=status, tags=tags).run_id


def outcomes(instance: dg.DagsterInstance) -> list[tuple[str, Outcome]]:
    """Run and outcome of each evaluation in the check's history, the oldest first."""
    found = check_history(instance, GRAPH, "orders")
    return [(each.run_id, each.outcome) for each in sorted(found, key=lambda each: each.at)]


def test_check_evaluated_in_a_run_over_many_days_is_not_also_not_run(instance: dg.DagsterInstance):
    run_id = run(instance)
    records = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=100)
    assert Counter(record.status.value for record in records) == {"PLANNED": 31, "SUCCEEDED": 1}
    assert outcomes(instance) == [(run_id, Outcome.PASSED)]
    assert [(each.outcome, each.is_outdated) for each in latest_checks(instance, GRAPH)] == [(Outcome.PASSED, False)]


def test_check_that_closed_one_of_its_planned_days_is_not_also_not_run(instance: dg.DagsterInstance):
    run_id = planned_run(instance, DagsterRunStatus.SUCCESS)
    evaluation = dg.AssetCheckEvaluation(
        asset_key=CHECK.asset_key, check_name=CHECK.name, passed=True, metadata={}, partition="2024-01-01"
    )
    event = DagsterEvent("ASSET_CHECK_EVALUATION", "orders_job", event_specific_data=evaluation)
    instance.report_dagster_event(event, run_id)
    records = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=100)
    assert [record.status.value for record in records] == ["PLANNED", "PLANNED", "SUCCEEDED"]
    assert outcomes(instance) == [(run_id, Outcome.PASSED)]
    assert [(each.outcome, each.is_outdated) for each in latest_checks(instance, GRAPH)] == [(Outcome.PASSED, False)]


def test_planned_days_do_not_use_up_the_limit_of_evaluations(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dagster_storage, "MAX_EVALUATIONS", 2)
    runs = [run(instance, last="2024-01-05") for _ in range(3)]
    assert outcomes(instance) == [(run_id, Outcome.PASSED) for run_id in runs[1:]]


def test_check_that_an_ended_run_did_not_evaluate_is_not_run_once_per_run(instance: dg.DagsterInstance):
    passed = run(instance)
    State.asset_fails = True
    failed = [run(instance), run(instance)]
    assert outcomes(instance) == [
        (passed, Outcome.PASSED),
        (failed[0], Outcome.NOT_RUN),
        (failed[1], Outcome.NOT_RUN),
    ]
    (latest,) = latest_checks(instance, GRAPH)
    assert (latest.run_id, latest.outcome, latest.is_outdated) == (passed, Outcome.PASSED, True)
    State.asset_fails = False
    again = run(instance)
    assert outcomes(instance)[-1] == (again, Outcome.PASSED)
    assert not latest_checks(instance, GRAPH)[0].is_outdated


def test_runs_without_an_evaluation_are_shown_as_far_back_as_the_evaluations(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dagster_storage, "MAX_EVALUATIONS", 1)
    State.check_fails = True
    run(instance)
    State.check_fails = False
    passed = run(instance)
    State.check_fails = True
    failed = run(instance)
    assert outcomes(instance) == [(passed, Outcome.PASSED), (failed, Outcome.NOT_RUN)]


def test_check_of_a_run_in_progress_is_not_yet_not_run(instance: dg.DagsterInstance):
    run(instance)
    run_id = planned_run(instance, DagsterRunStatus.STARTED)
    assert run_id not in dict(outcomes(instance))
    assert not latest_checks(instance, GRAPH)[0].is_outdated


def test_evaluation_has_the_check_with_its_severity_and_metadata(instance: dg.DagsterInstance):
    State.check_passes = False
    run(instance)
    (found,) = check_history(instance, GRAPH, "orders")
    assert (found.table, found.check, found.outcome) == ("orders", "rows_are_unique", Outcome.FAILED)
    assert found.metadata == {"offending_rows": 2}
    assert check_history(instance, GRAPH, "customers") == []
    assert check_description(GRAPH, "orders", "rows_are_unique") == "No two rows are the same."


def test_last_run_of_a_table_fails_where_it_materialized_nothing(instance: dg.DagsterInstance):
    run(instance)
    run_customers(instance)
    State.asset_fails = True
    failed = run(instance)
    found = last_runs(instance, ["orders", "customers", "never_run"])
    assert set(found) == {"orders", "customers"}
    assert (found["orders"].run_id, found["orders"].has_failed, found["orders"].seconds) == (failed, True, 1.5)
    assert not found["customers"].has_failed
    assert found["customers"].seconds is None


def test_days_are_materialized_failed_or_missing(instance: dg.DagsterInstance):
    run(instance, "2024-01-02", "2024-01-03")
    State.asset_fails = True
    run(instance, "2024-01-03", "2024-01-03")
    states = day_states(instance, GRAPH, "orders")
    assert list(states.values())[:4] == [DayState.MISSING, DayState.MATERIALIZED, DayState.FAILED, DayState.MISSING]
    assert len(states) == 31
    assert day_states(instance, GRAPH, "customers") == {}


def test_cursor_is_the_position_of_an_event(instance: dg.DagsterInstance):
    run_customers(instance)
    last = instance.event_log_storage.get_maximum_record_id() or 0
    kind = DagsterEventType.RUN_SUCCESS
    assert instance.fetch_run_status_changes(kind, 1, events_cursor(0), ascending=True).records
    assert not instance.fetch_run_status_changes(kind, 1, events_cursor(last), ascending=True).records


def test_link_to_a_run():
    assert (
        run_link(Settings(dagster_url=Address("https://dagster.example/")), "a-run")
        == "https://dagster.example/runs/a-run"
    )


def test_metadata_written_under_old_names_is_read_under_the_present_ones(instance):
    evaluation = dg.AssetCheckEvaluation(
        asset_key=CHECK.asset_key, check_name=CHECK.name, passed=True, metadata={"psi": 0.1, "most": 0.25}
    )
    instance.report_runless_asset_event(evaluation)
    (found,) = latest_checks(instance, GRAPH)
    assert found.metadata == {"psi": 0.1, "max_psi": 0.25}
