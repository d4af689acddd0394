"""Why a step failed, in words for users: the same text in the CLI and in alerts."""

from collections.abc import Callable, Iterator

import dagster as dg
import pytest
from dagster import DagsterEventType
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.events import JobFailureData, RunFailureReason
from dagster_shared.error import SerializableErrorInfo
from pyspark.errors import PySparkException

from olist_assets.engine.conformance import ContractViolation
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import TableMissing
from olist_assets.monitoring.event_log import EventLog, Position, shortened
from olist_assets.operations.runs import RunReport
from olist_assets.orchestration.failures import reason

JAVA_TRACE = """An error occurred while calling o99.save.
: org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows.
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.taskFailedWhileWritingRowsError(QueryExecutionErrors.scala:776)
Caused by: java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)"""

FULL = SerializableErrorInfo("OlistError: the disk is full", [], "OlistError")


@pytest.fixture
def storage() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


class Reasons:
    """The reason of a failed step as users get it: by itself, from the CLI's report, and from an alert."""

    def __init__(self, storage: dg.DagsterInstance, warehouse, fail: Callable[[], object]) -> None:
        @dg.op
        def failing() -> None:
            fail()

        @dg.job(executor_def=dg.in_process_executor)
        def a_job() -> None:
            failing()

        result = a_job.execute_in_process(instance=storage, raise_on_error=False)
        (failure,) = [e for e in result.all_events if e.event_type == DagsterEventType.STEP_FAILURE]
        report = RunReport(result.run_id, ["failing"])
        for event in result.all_events:
            report.add(event)
        (alert,), _ = EventLog(storage, warehouse).after(Position(0, -1))
        self.plain = reason(failure.step_failure_data.error)
        self.cli, self.alert = report.failures["failing"], alert.problem

    def only(self) -> str:
        """The one text of all three; an alert has it on one line."""
        assert self.plain == self.cli
        assert shortened(self.plain) == self.alert
        return self.plain


def raised(error: BaseException, cause: BaseException | None = None) -> Callable[[], object]:
    def fail() -> None:
        raise error from cause

    return fail


@pytest.mark.parametrize("kind", [OlistError, ContractViolation])
def test_an_error_for_users_hides_its_java_cause(storage, warehouse, kind):
    error = kind("No space left on device: silver_orders is unchanged.\nMake room and run again.")
    found = Reasons(storage, warehouse, raised(error, PySparkException(JAVA_TRACE)))
    assert found.only() == "No space left on device: silver_orders is unchanged.\nMake room and run again."


def test_an_error_of_a_kind_with_arguments_of_its_own_has_its_text(storage, warehouse):
    found = Reasons(storage, warehouse, raised(TableMissing("silver_orders", warehouse.path("silver_orders"))))
    assert found.only() == (
        f"Table silver_orders does not exist yet ({warehouse.path('silver_orders')}). "
        "Make it with: olist materialize --select silver_orders"
    )


def test_of_any_other_error_the_first_lines_of_its_first_cause_are_the_reason(storage, warehouse):
    error = raised(RuntimeError("the step failed"), ValueError("\n".join(f"line {at}" for at in range(1, 6))))
    assert Reasons(storage, warehouse, error).only() == "ValueError: line 1\nline 2\nline 3"


def test_a_java_error_without_one_of_ours_is_cut(storage, warehouse):
    found = Reasons(storage, warehouse, raised(PySparkException(JAVA_TRACE)))
    assert "TASK_WRITE_FAILED" in found.only()
    assert "at java.base" not in found.only()
    assert len(found.only().splitlines()) == 3


@pytest.mark.parametrize("code", ["SPARK_JOB_CANCELLED", "OPERATION_CANCELED"])
def test_interrupted_work_of_spark_is_stopped(storage, warehouse, code):
    error = RuntimeError("the step failed")
    assert Reasons(storage, warehouse, raised(error, PySparkException(f"[{code}] Job 7 cancelled"))).only() == "stopped"


def test_a_failed_blocking_check_is_named(storage, warehouse):
    error = DagsterAssetCheckFailedError("Blocking check 'order_id_is_unique' for asset 'silver_orders' failed.")
    found = Reasons(storage, warehouse, raised(error))
    assert found.only() == "Blocking check 'order_id_is_unique' for asset 'silver_orders' failed."


def test_a_failure_without_an_error_says_so():
    assert reason(None) == "failed without a reason"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (JobFailureData(FULL, RunFailureReason.RUN_EXCEPTION), "the disk is full"),
        (None, "marked as failed"),
    ],
    ids=["own reason", "from outside"],
)
def test_a_run_that_fails_without_a_failed_step_is_alerted_with_its_own_reason(storage, warehouse, data, text):
    @dg.job
    def a_job() -> None: ...

    run = storage.create_run_for_job(a_job)
    event = storage.report_run_failed(run, "marked as failed", data)
    report = RunReport(run.run_id, [])
    report.add(event)
    (alert,), _ = EventLog(storage, warehouse).after(Position(0, -1))
    assert alert.problem == (report.problem or "marked as failed") == text
