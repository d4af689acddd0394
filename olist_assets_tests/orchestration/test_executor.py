"""Steps in threads of one process: they run at once, and everything that Dagster promises of any executor holds."""

import os
import signal
import socket
import threading
import time
from collections import Counter

import click
import dagster as dg
import pytest
from dagster._core.events import RunFailureReason

from olist_assets.operations.runs import RunReport
from olist_assets.orchestration import executor
from olist_assets.orchestration.executor import threaded_executor
from olist_assets.orchestration.run_launcher import PROCESS_TAG

MEET = threading.Barrier(2)
HOOKED: list[str] = []
POOL = "one_at_a_time"
THREADS = threaded_executor(3)


@dg.success_hook
def noted(context: dg.HookContext) -> None:
    HOOKED.append(context.op.name)


@dg.op
def left() -> None:
    MEET.wait(10)


@dg.op
def right() -> None:
    click.echo("printed by right")
    MEET.wait(10)


@dg.op(ins={"after": dg.In(dg.Nothing)}, retry_policy=dg.RetryPolicy(max_retries=1))
def second_try(context: dg.OpExecutionContext) -> None:
    if context.retry_number == 0:
        raise ValueError("the first try")


@dg.op(ins={"after": dg.In(dg.Nothing)})
def broken() -> None:
    raise ValueError("always broken")


@dg.op(ins={"after": dg.In(dg.Nothing)})
def never() -> None:
    raise AssertionError("started after a step that failed")


@dg.job(executor_def=THREADS, hooks={noted})
def both():
    second_try([left(), right()])


@dg.job(executor_def=THREADS)
def failing():
    never(broken(second_try()))


@dg.op(pool=POOL)
def pooled_1() -> None:
    MEET.wait(0.5)


@dg.op(pool=POOL)
def pooled_2() -> None:
    MEET.wait(0.5)


@dg.job(executor_def=THREADS)
def pooled():
    pooled_1()
    pooled_2()


@dg.job(executor_def=threaded_executor(1))
def one_after_the_other():
    pooled_1()
    pooled_2()


@dg.op
def first_by_name() -> None: ...


@dg.op(tags={"dagster/priority": "1"})
def matters_more() -> None: ...


@dg.job(executor_def=THREADS)
def ordered():
    first_by_name()
    matters_more()


@dg.op
def asks_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)


@dg.job(executor_def=THREADS)
def stopped():
    never(asks_to_stop())


@pytest.fixture
def storage(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def fresh():
    MEET.reset()
    HOOKED.clear()


def steps(result: dg.JobExecutionResult) -> dict[str, str]:
    ended = {"STEP_SUCCESS", "STEP_FAILURE"}
    return {str(e.step_key): e.event_type_value for e in result.all_events if e.event_type_value in ended}


def run(job, storage, **config) -> dg.JobExecutionResult:
    return dg.execute_job(dg.reconstructable(job), storage, run_config={"execution": {"config": config}})


def test_independent_steps_run_at_once_and_dependent_ones_after_them(storage):
    result = run(both, storage)
    assert result.success
    assert list(steps(result))[-1] == "second_try"


def test_one_step_at_a_time_is_a_configuration_of_the_run(storage):
    result = run(pooled, storage, max_concurrent=1)
    assert not result.success
    assert Counter(steps(result).values()) == {"STEP_FAILURE": 2}  # neither met the other


def test_of_the_steps_that_wait_the_one_with_the_highest_priority_starts_first(storage):
    assert list(steps(run(ordered, storage, max_concurrent=1))) == ["matters_more", "first_by_name"]


def test_the_number_of_steps_at_once_is_that_of_the_definitions(storage):
    assert not run(one_after_the_other, storage).success
    MEET.reset()
    assert run(pooled, storage).success


def test_a_pool_limits_the_steps_of_a_run(storage):
    storage.event_log_storage.set_concurrency_slots(POOL, 1)
    assert not run(pooled, storage).success
    storage.event_log_storage.set_concurrency_slots(POOL, 2)
    MEET.reset()
    assert run(pooled, storage).success


def test_a_step_is_retried_and_no_step_starts_after_one_that_failed(storage):
    result = run(failing, storage)
    assert steps(result) == {"second_try": "STEP_SUCCESS", "broken": "STEP_FAILURE"}
    assert not result.success
    assert result.retry_attempts_for_node("second_try") == 1


def test_the_events_are_those_of_dagsters_executor(storage):
    def kinds(job: dg.JobDefinition):
        result = job.execute_in_process(instance=storage, raise_on_error=False)
        return Counter((event.event_type_value, event.step_key) for event in result.all_events)

    # execute_in_process() replaces our executor by Dagster's.
    theirs, ours = kinds(failing), run(failing, storage).all_events
    seen = Counter((event.event_type_value, event.step_key) for event in ours)
    assert {key: n for key, n in seen.items() if key[0] != "ENGINE_EVENT"} == {
        key: n for key, n in theirs.items() if key[0] != "ENGINE_EVENT"
    }


def test_hooks_run_and_what_steps_print_is_in_the_compute_log(storage):
    result = run(both, storage)
    assert sorted(HOOKED) == ["left", "right", "second_try"]
    (captured,) = [e for e in result.all_events if e.event_type == dg.DagsterEventType.LOGS_CAPTURED]
    key = storage.compute_log_manager.build_log_key_for_run(result.run_id, captured.logs_captured_data.file_key)
    assert b"printed by right" in storage.compute_log_manager.get_log_data(key).stdout


def test_a_run_whose_console_cannot_be_stored_succeeds(storage, monkeypatch):
    def unable(*_):
        raise OSError("no console")

    monkeypatch.setattr(type(storage.compute_log_manager), "capture_logs", unable)
    result = run(both, storage)
    assert result.success
    assert any("compute log capture" in (event.message or "") for event in result.all_events)


def test_the_reason_of_a_failed_run_is_reported_if_no_step_failed(storage, monkeypatch):
    def reported() -> RunReport:
        report = RunReport("a run", ["second_try", "broken", "never"])
        for event in run(failing, storage).all_events:
            report.add(event)
        return report

    assert (reported().failures, reported().problem) == ({"broken": "ValueError: always broken"}, None)
    monkeypatch.setattr(executor, "InstanceConcurrencyContext", lambda *_: (_ for _ in ()).throw(OSError("no slots")))
    assert (reported().failures, reported().problem) == ({}, "OSError: no slots")


@pytest.fixture
def ctrl_c():
    # A test run in the background inherits that SIGINT is ignored. Dagster replaces both handlers.
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


@pytest.mark.usefixtures("ctrl_c")
def test_no_step_starts_after_ctrl_c(storage):
    result = run(stopped, storage)
    (failure,) = [event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    assert failure.job_failure_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
    assert steps(result) == {"asks_to_stop": "STEP_SUCCESS"}


def test_a_run_names_its_process(storage):
    result = run(failing, storage)
    stored = storage.get_run_by_id(result.run_id)
    assert stored
    assert stored.tags[PROCESS_TAG] == f"{result.run_id}@{socket.gethostname()}:{os.getpid()}"
