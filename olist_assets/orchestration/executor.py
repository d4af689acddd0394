"""Runs the steps of a run in threads of one process, so that they share its engine and use all cores.

Dagster's executors run one step at a time or start a process per step, which would start an engine for each
(https://github.com/dagster-io/dagster/issues/4041).
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
from dagster._core.execution.plan.active import ActiveExecution
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

from olist_assets.engine.engine import interrupt_sessions
from olist_assets.orchestration.run_launcher import process_tag
from olist_assets.private_files import keep_private

POLL_SECONDS = 0.5
Ended = Future[list[dg.DagsterEvent]]


class ThreadedExecutor(Executor):
    """Runs up to `max_concurrent` steps at once in this process. Tags the run with the process first."""

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
        """All events of the run."""
        keep_private()
        plan_context.instance.add_run_tags(plan_context.run_id, process_tag(plan_context.run_id))
        yield dg.DagsterEvent.engine_event(
            plan_context,
            f"Executing up to {self._max_concurrent} steps at once in threads (pid: {os.getpid()})",
            EngineEventData.in_process(os.getpid(), execution_plan.step_keys_to_execute),
        )
        yield from ExecuteRunWithPlanIterable(
            execution_plan=plan_context.execution_plan,
            iterator=partial(_execute_steps, max_concurrent=self._max_concurrent),
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


def _execute_steps(
    job_context: PlanExecutionContext, execution_plan: ExecutionPlan, max_concurrent: int
) -> Iterator[dg.DagsterEvent]:
    """All steps' events. Raises DagsterExecutionInterruptedError after Ctrl-C, when no step runs any more."""
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
            yield _capture_logs(job_context, execution_plan, logs)
        except Exception:  # noqa: BLE001  # as Dagster's own executor: a run does not fail because of its console
            yield from _handle_compute_log_setup_error(job_context, sys.exc_info())
        threads = stack.enter_context(ThreadPoolExecutor(max_concurrent, thread_name_prefix="step"))
        yield from _RunningSteps(job_context, active, threads).events()


class _RunningSteps:
    """The steps that run in threads: started as they become ready, their events forwarded to the main thread."""

    def __init__(self, job_context: PlanExecutionContext, active: ActiveExecution, threads: ThreadPoolExecutor) -> None:
        self._job_context, self._active, self._threads = job_context, active, threads
        self._queue: SimpleQueue[tuple[str, dg.DagsterEvent | None]] = SimpleQueue()
        """Events with their step's key; None is the end of the step."""
        self._running: dict[str, tuple[StepExecutionContext, Ended]] = {}

    def events(self) -> Iterator[dg.DagsterEvent]:
        """All events, in the order in which they happen."""
        is_interrupted = False
        while self._running or not (is_interrupted or self._active.is_complete):
            is_interrupted = self._active.check_for_interrupts() or is_interrupted
            if is_interrupted:
                # Repeated until all steps have ended: a step that is still planning has nothing to cancel yet.
                interrupt_sessions()
            else:
                yield from self._start_ready()
            yield from self._next_events()
        if is_interrupted:
            raise DagsterExecutionInterruptedError("The run was stopped.")

    def _start_ready(self) -> Iterator[dg.DagsterEvent]:
        for step in self._active.get_steps_to_execute():
            context = self._job_context.for_step(step, self._active.get_known_state())
            self._running[step.key] = context, self._threads.submit(self._run, context)
        yield from self._active.concurrency_event_iterator(self._job_context)

    def _run(self, context: StepExecutionContext) -> list[dg.DagsterEvent]:
        """Execute a step in a thread; its events go to the queue as they happen."""
        events = []
        try:
            for event in dagster_event_sequence_for_step(context):
                events.append(event)
                self._queue.put((context.step.key, event))
        finally:
            self._queue.put((context.step.key, None))
        return events

    def _next_events(self) -> Iterator[dg.DagsterEvent]:
        """The next event of any step, or all that follows from the end of one; none after POLL_SECONDS."""
        try:
            key, event = self._queue.get(timeout=POLL_SECONDS)
        except Empty:
            return
        if event:
            yield event
            return
        context, ended = self._running.pop(key)
        # Handled only now: a step that asks for a retry may be started as soon as its events are known.
        for past in ended.result():
            self._active.handle_event(past)
        self._active.verify_complete(self._job_context, key)
        yield from self._active.plan_events_iterator(self._job_context)
        yield from _trigger_hook(context, ended.result())


def _capture_logs(context: PlanExecutionContext, plan: ExecutionPlan, stack: ExitStack) -> dg.DagsterEvent:
    """Send what the process prints to the run's compute log until the stack is closed."""
    manager, file_key = context.instance.compute_log_manager, create_compute_log_file_key()
    log_key = manager.build_log_key_for_run(context.run_id, file_key)
    captured = stack.enter_context(manager.capture_logs(log_key))
    return dg.DagsterEvent.capture_logs(context, plan.step_keys_to_execute, log_key, captured)


def threaded_executor(steps_at_once: int) -> dg.ExecutorDefinition:
    """Steps in threads of one process: `execution: {config: {max_concurrent: 1}}` runs one after the other."""

    @dg.executor(
        name="threads",
        config_schema={
            "retries": get_retries_config(),
            "max_concurrent": dg.Field(
                dg.IntSource, default_value=steps_at_once, description="Steps at once; default: OLIST_STEPS_AT_ONCE."
            ),
        },
    )
    def threads(context: dg.InitExecutorContext) -> ThreadedExecutor:
        retries, max_concurrent = (context.executor_config[key] for key in ("retries", "max_concurrent"))
        return ThreadedExecutor(RetryMode.from_config(retries), max_concurrent)  # pyright: ignore

    return threads
