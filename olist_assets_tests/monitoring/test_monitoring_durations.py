"""monitoring_durations: the seconds of runs, steps and queries are kept, and a much longer one is a warning."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from olist_assets.checks.assembly import evaluate
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.governance import audit_log
from olist_assets.lakehouse.history_table import append_new
from olist_assets.monitoring.monitoring_durations import MONITORING_DURATIONS, duration_checks, monitoring_durations

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_runs_steps_and_queries_are_kept_once_with_their_seconds(warehouse, materialize):
    @dg.op
    def slow() -> None: ...

    @dg.job
    def nightly() -> None:
        slow()

    audit_log.record(warehouse, "query", ["silver_orders"], statement="FROM silver_orders", seconds=0.5)
    audit_log.record(warehouse, "query", [], statement="wrong", seconds=0.5, error="no such table")
    with dg.DagsterInstance.ephemeral() as instance:
        run = nightly.execute_in_process(
            instance=instance, tags={"dagster/asset_partition_range_start": "2018-01-01", "dagster/partition": "x"}
            | {"dagster/asset_partition_range_end": "2018-01-03"},
        )  # fmt: skip
        for _ in range(2):
            assert materialize(monitoring_durations, instance=instance)
    stored = warehouse.open(MONITORING_DURATIONS.name).to_pyarrow_table().to_pylist()
    rows = {(row["kind"], row["name"], row["id"]): row for row in stored}
    assert ("run", "nightly (1 steps, 3 days)", run.run_id) in rows
    assert ("step", "slow (3 days)", run.run_id) in rows
    assert [(key[1], row["seconds"]) for key, row in rows.items() if key[0] == "query"] == [("FROM silver_orders", 0.5)]
    assert len(rows) == len(stored)


@pytest.mark.parametrize(
    ("seconds", "passes"),
    [
        ([10, 11, 10, 12], True),
        ([10, 11, 10, 25], False),
        ([10, 11, 10, 2], True),  # faster is no problem
        ([10, 30], True),  # nothing to compare with
        ([0.1, 0.1, 0.1, 0.9], True),  # too short for anybody to notice
    ],
)
@pytest.mark.parametrize("kind", ["run", "step", "query"])
def test_much_longer_duration_than_before_is_a_warning(warehouse, kind, seconds, passes):
    rows = [
        {"kind": kind, "name": "it", "id": str(n), "at": START + timedelta(n), "seconds": float(took)}
        for n, took in enumerate(seconds)
    ]
    assert append_new(warehouse, MONITORING_DURATIONS, rows) == len(rows)
    results = {r.check_name: r for r in evaluate(warehouse, PUBLISHED, MONITORING_DURATIONS, duration_checks())}
    assert results[f"{kind}_durations_are_usual"].passed == passes
    assert len(results) == 3
    assert all(result.passed for name, result in results.items() if not str(name).startswith(kind))
    assert all(result.severity == dg.AssetCheckSeverity.WARN for result in results.values())
