"""Runs steps in threads of the run's one process, so that tables share its JVM and both cores are busy.

Dagster has an executor for one step at a time and one with a process a step; the second would start Spark for each.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from queue import Empty, SimpleQueue

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context.system import (
    PlanExecutionContext,
    PlanOrchestrationContext,
    StepExecutionContext,
)
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.execute_plan import (
    _handle_compute_log_setup_error,
    _trigger_hook,
    dagster_event_sequence_for_step,
)
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.executor.base import Executor

from olist_assets.orchestration.run_launcher import process_tag
from olist_assets.engine.spark.session import interrupt_spark
from olist_assets.settings import Settings

POLL_SECONDS = 0.5


class ThreadedExecutor(Executor):
    """Runs up to so many steps at once in this process. Its run is tagged with the process first."""

    def __init__(self, retries: RetryMode, max_concurrent: int) -> None:
        self._retries, self._max_concurrent = retries, max_concurrent

    @property
    def retries(self) -> RetryMode:
        return self._retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        return StepDependencyConfig.default()

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        plan_context.instance.add_run_tags(plan_context.run_id, process_tag(plan_context.run_id))
        yield dg.DagsterEvent.engine_event(
            plan_context,
            f"Executing up to {self._max_concurrent} steps at once in threads (pid: {os.getpid()})",
            EngineEventData.in_process(os.getpid(), execution_plan.step_keys_to_execute),
        )
        yield from ExecuteRunWithPlanIterable(
            execution_plan=plan_context.execution_plan,
            iterator=partial(_in_threads, max_concurrent=self._max_concurrent),
            execution_context_manager=PlanExecutionContextManager(
                job=plan_context.job,
                retry_mode=plan_context.retry_mode,
                execution_plan=plan_context.execution_plan,
                run_config=plan_context.run_config,
                dagster_run=plan_context.dagster_run,
                instance=plan_context.instance,
                raise_on_error=plan_context.raise_on_error,
                output_capture=plan_context.output_capture,
                step_dependency_config=self.step_dependency_config,
            ),
        )


def _in_threads(
    job_context: PlanExecutionContext, execution_plan: ExecutionPlan, max_concurrent: int
) -> Iterator[dg.DagsterEvent]:
    """All steps' events, as they come. Raises DagsterExecutionInterruptedError after Ctrl-C, when no step runs."""
    events: SimpleQueue[tuple[str, dg.DagsterEvent | None]] = SimpleQueue()

    def run(step: StepExecutionContext) -> list[dg.DagsterEvent]:
        happened = []
        try:
            for event in dagster_event_sequence_for_step(step):
                happened.append(event)
                events.put((step.step.key, event))
        finally:
            events.put((step.step.key, None))
        return happened

    with ExitStack() as stack:
        slots = stack.enter_context(InstanceConcurrencyContext(job_context.instance, job_context.dagster_run))
        active = stack.enter_context(
            execution_plan.start(
                retry_mode=job_context.retry_mode,
                max_concurrent=max_concurrent,
                instance_concurrency_context=slots,
                step_dependency_config=job_context.step_dependency_config,
            )
        )
        logs = stack.enter_context(ExitStack())
        try:
            yield _logs_captured(job_context, execution_plan, logs)
        except Exception:  # noqa: BLE001  # as Dagster's own: a run does not fail for its console's sake
            yield from _handle_compute_log_setup_error(job_context, sys.exc_info())
        threads = stack.enter_context(ThreadPoolExecutor(max_concurrent, thread_name_prefix="step"))
        running: dict[str, tuple[StepExecutionContext, Future[list[dg.DagsterEvent]]]] = {}
        interrupted = False
        while running or not (interrupted or active.is_complete):
            interrupted = active.check_for_interrupts() or interrupted
            if interrupted:
                # Said again and again: a step that plans has nothing to cancel yet.
                interrupt_spark()
            else:
                for step in active.get_steps_to_execute():
                    context = job_context.for_step(step, active.get_known_state())
                    running[step.key] = context, threads.submit(run, context)
                yield from active.concurrency_event_iterator(job_context)
            try:
                key, event = events.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if event:
                yield event
                continue
            context, ended = running.pop(key)
            # Only now: a step that asks for another try may start it as soon as this is known.
            for happened in ended.result():
                active.handle_event(happened)
            active.verify_complete(job_context, key)
            yield from active.plan_events_iterator(job_context)
            yield from _trigger_hook(context, ended.result())
        if interrupted:
            raise DagsterExecutionInterruptedError("The run was stopped.")


def _logs_captured(context: PlanExecutionContext, plan: ExecutionPlan, stack: ExitStack) -> dg.DagsterEvent:
    """What the process prints goes to the run's compute log until the stack is closed."""
    manager, file_key = context.instance.compute_log_manager, create_compute_log_file_key()
    log_key = manager.build_log_key_for_run(context.run_id, file_key)
    captured = stack.enter_context(manager.capture_logs(log_key))
    return dg.DagsterEvent.capture_logs(context, plan.step_keys_to_execute, log_key, captured)


@dg.executor(
    name="threads",
    config_schema={
        "retries": get_retries_config(),
        "max_concurrent": dg.Field(
            dg.Noneable(dg.IntSource), default_value=None, description="Steps at once; default: OLIST_STEPS_AT_ONCE."
        ),
    },
)
def threaded_executor(context: dg.InitExecutorContext) -> ThreadedExecutor:
    """Steps in threads of one process: `execution: {config: {max_concurrent: 1}}` runs one after the other."""
    retries, max_concurrent = (context.executor_config[key] for key in ("retries", "max_concurrent"))
    return ThreadedExecutor(RetryMode.from_config(retries), max_concurrent or Settings().steps_at_once)  # pyright: ignore
