"""Steps in threads of one process: what Dagster promises of any executor, and that they do run at once."""

import os
import signal
import threading
import time
from collections import Counter

import click
import dagster as dg
import pytest
from dagster._core.events import RunFailureReason

from olist_assets.orchestration import executor
from olist_assets.orchestration.executor import threaded_executor
from olist_assets.orchestration.run_launcher import PROCESS_TAG
from olist_assets.operations.runs import RunReport

MEET = threading.Barrier(2)
HOOKED: list[str] = []
POOL = "one_at_a_time"


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
    raise ValueError("broken as ever")


@dg.op(ins={"after": dg.In(dg.Nothing)})
def never() -> None:
    raise AssertionError("started after a step that failed")


@dg.job(executor_def=threaded_executor, hooks={noted})
def both():
    second_try([left(), right()])


@dg.job(executor_def=threaded_executor)
def failing():
    never(broken(second_try()))


@dg.op(pool=POOL)
def pooled_1() -> None:
    MEET.wait(0.5)


@dg.op(pool=POOL)
def pooled_2() -> None:
    MEET.wait(0.5)


@dg.job(executor_def=threaded_executor)
def pooled():
    pooled_1()
    pooled_2()


@dg.op
def first_by_name() -> None: ...


@dg.op(tags={"dagster/priority": "1"})
def matters_more() -> None: ...


@dg.job(executor_def=threaded_executor)
def ordered():
    first_by_name()
    matters_more()


@dg.op
def asks_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)


@dg.job(executor_def=threaded_executor)
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


def test_steps_that_do_not_wait_for_each_other_run_at_once_and_others_after_them(storage):
    result = run(both, storage)
    assert result.success
    assert list(steps(result))[-1] == "second_try"


def test_one_at_a_time_is_a_setting(storage):
    result = run(pooled, storage, max_concurrent=1)
    assert not result.success
    assert Counter(steps(result).values()) == {"STEP_FAILURE": 2}  # nobody came to meet them


def test_of_steps_that_wait_the_one_of_higher_priority_goes_first(storage):
    assert list(steps(run(ordered, storage, max_concurrent=1))) == ["matters_more", "first_by_name"]


def test_a_pool_holds_within_the_run(storage):
    storage.event_log_storage.set_concurrency_slots(POOL, 1)
    assert not run(pooled, storage).success
    storage.event_log_storage.set_concurrency_slots(POOL, 2)
    MEET.reset()
    assert run(pooled, storage).success


def test_a_step_is_tried_again_and_after_a_failure_nothing_that_reads_it_starts(storage):
    result = run(failing, storage)
    assert steps(result) == {"second_try": "STEP_SUCCESS", "broken": "STEP_FAILURE"}
    assert not result.success
    assert result.retry_attempts_for_node("second_try") == 1


def test_the_events_are_those_of_dagsters_own_executor(storage):
    def kinds(job: dg.JobDefinition):
        result = job.execute_in_process(instance=storage, raise_on_error=False)
        return Counter((event.event_type_value, event.step_key) for event in result.all_events)

    # execute_in_process() puts Dagster's own in the place of ours.
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


def test_a_run_whose_console_cannot_be_kept_runs_all_the_same(storage, monkeypatch):
    def unable(*_):
        raise OSError("no tail here")

    monkeypatch.setattr(type(storage.compute_log_manager), "capture_logs", unable)
    result = run(both, storage)
    assert result.success
    assert any("compute log capture" in (event.message or "") for event in result.all_events)


def test_why_a_run_failed_is_reported_where_no_step_did(storage, monkeypatch):
    def reported() -> RunReport:
        report = RunReport("a run", ["second_try", "broken", "never"])
        for event in run(failing, storage).all_events:
            report.add(event)
        return report

    assert (reported().failures, reported().problem) == ({"broken": "ValueError: broken as ever"}, None)
    monkeypatch.setattr(executor, "InstanceConcurrencyContext", lambda *_: (_ for _ in ()).throw(OSError("no slots")))
    assert (reported().failures, reported().problem) == ({}, "OSError: no slots")


@pytest.fixture
def ctrl_c():
    # A test run in the background hands down that SIGINT is ignored; and Dagster takes SIGTERM along.
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_lets_nothing_more_start(storage):
    result = run(stopped, storage)
    (failure,) = [event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    assert failure.job_failure_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
    assert steps(result) == {"asks_to_stop": "STEP_SUCCESS"}


def test_a_run_names_its_process(storage):
    result = run(failing, storage)
    stored = storage.get_run_by_id(result.run_id)
    assert stored
    assert stored.tags[PROCESS_TAG].endswith(f":{os.getpid()}")
