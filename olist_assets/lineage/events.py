"""OpenLineage events of runs that ended, translated from Dagster's event log by the library `openlineage-python`.

A run is a run of its job; each table that it wrote is a run below it, of a job named as the table. Both start and end
(COMPLETE, FAIL or ABORT) at the times that Dagster recorded. Their ids follow from Dagster's: sent twice, they are the
same. How far the log was sent is kept in Dagster's own storage, and moves on once a run's events were taken.
"""

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import dagster as dg
import requests
from dagster import DagsterEventType as Kind
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState, set_producer
from openlineage.client.facet_v2 import RunFacet, error_message_run, job_type_job, parent_run

from olist_assets.catalog import table, tables
from olist_assets.errors import OlistError
from olist_assets.lineage.datasets import inputs, output
from olist_assets.orchestration.failures import reason
from olist_assets.settings import Settings

CURSOR = "olist/openlineage"
RUNS_AT_ONCE = 20
RUN_ENDS = {
    Kind.RUN_SUCCESS: RunState.COMPLETE, Kind.RUN_FAILURE: RunState.FAIL, Kind.RUN_CANCELED: RunState.ABORT,
}  # fmt: skip
STEP_ENDS = {Kind.STEP_SUCCESS: RunState.COMPLETE, Kind.STEP_FAILURE: RunState.FAIL}


class NotDelivered(OlistError):
    """A receiver did not take events."""


@dataclass
class Work:
    """A run or a step: when it started and ended (Unix time), how, and what was recorded of the table it wrote."""

    started: float
    ended: float
    state: RunState
    error: str | None = None
    figures: dict[str, Any] = field(default_factory=dict)


def send_new(storage: dg.DagsterInstance) -> int:
    """Send the events of runs that ended since those sent last, RUNS_AT_ONCE at most; returns how many runs.

    Raises NotDelivered: the runs from there on are sent the next time.
    """
    sent = 0
    set_producer(f"urn:olist-assets:{version('olist-assets')}")
    try:
        client = OpenLineageClient()
        for record in ended_runs(storage):
            for event in events_of(storage, record.event_log_entry):
                client.emit(event)
            storage.daemon_cursor_storage.set_cursor_values({CURSOR: str(record.storage_id)})
            sent += 1
        client.close()
    # The library's own: of the receiver, of a file, and of a configuration that it does not understand.
    except (requests.RequestException, RuntimeError, OSError, KeyError, ValueError) as error:
        raise NotDelivered(
            f"OpenLineage events were not delivered ({_said(error)}). Nothing is lost: they are sent the next time."
        ) from error
    return sent


def _said(error: Exception) -> str:
    # The text of an HTTP library's error has the whole address, and so whatever secret is in it.
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the receiver answered {error.response.status_code}"
    if isinstance(error, requests.RequestException):
        return f"the receiver does not answer: {type(error).__name__}"
    return str(error).splitlines()[0]


def ended_runs(storage: dg.DagsterInstance) -> list[dg.EventLogRecord]:
    """The ends of runs after the last that was sent, oldest first."""
    sent = int(storage.daemon_cursor_storage.get_cursor_values({CURSOR}).get(CURSOR, 0))
    found = (
        record
        for kind in (Kind.RUN_SUCCESS, Kind.RUN_FAILURE, Kind.RUN_CANCELED)
        for record in storage.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(kind, after_storage_id=sent), limit=RUNS_AT_ONCE, ascending=True
        ).records
    )
    return sorted(found, key=lambda record: record.storage_id)[:RUNS_AT_ONCE]


def events_of(storage: dg.DagsterInstance, end: dg.EventLogEntry) -> Iterator[RunEvent]:
    """Start and end of a run, named by its last event, and between them those of each table that it made."""
    run, steps = work_of(storage, end)
    settings, job = Settings(), _job(str(end.job_name), "DAG")
    run_started, run_ended = _start_and_end(end.run_id, job, run)
    parent = parent_run.ParentRunFacet(parent_run.Run(end.run_id), parent_run.Job(job.namespace, job.name))
    yield run_started
    for name, step in steps.items():
        run_id, read = str(uuid.uuid5(uuid.UUID(end.run_id), name)), inputs(table(name), settings)
        written = [output(table(name), settings, step.figures)]
        yield from _start_and_end(run_id, _job(name, "TASK"), step, parent=parent, read=read, written=written)
    yield run_ended


def work_of(storage: dg.DagsterInstance, end: dg.EventLogEntry) -> tuple[Work, dict[str, Work]]:
    """What the event log says of a run that ended, and of its steps that make tables, by table."""
    last = end.get_dagster_event()
    run = Work(end.timestamp, end.timestamp, RUN_ENDS[last.event_type])
    if run.state is RunState.FAIL:
        run.error = last.message
    steps: dict[str, Work] = {}
    wanted = {Kind.RUN_START, Kind.STEP_START, *STEP_ENDS, Kind.ASSET_MATERIALIZATION}
    for record in storage.get_records_for_run(end.run_id, of_type=wanted).records:
        event, at = record.event_log_entry.get_dagster_event(), record.event_log_entry.timestamp
        name = str(event.step_key)
        if event.event_type is Kind.RUN_START:
            run.started = at
        elif event.event_type is Kind.STEP_START and name in tables():
            # Until it says more, it was cut short when the run ended.
            steps[name] = Work(at, end.timestamp, RunState.ABORT)
        elif name in steps:
            _note(steps[name], event, at)
    return run, steps


def _note(step: Work, event: dg.DagsterEvent, at: float) -> None:
    if event.event_type is Kind.ASSET_MATERIALIZATION:
        recorded = event.step_materialization_data.materialization.metadata
        # A day that changed with others has no figures of the whole table.
        if "bytes" in recorded:
            step.figures = {name: value.value for name, value in recorded.items()}
        return
    step.ended, step.state = at, STEP_ENDS[event.event_type]
    if step.state is RunState.FAIL:
        step.error = reason(event.step_failure_data.error)


def _job(name: str, kind: str) -> Job:
    # The variable that OpenLineage's integrations read; the library itself has no job.
    namespace = os.environ.get("OPENLINEAGE_NAMESPACE", "olist")
    facet = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="DAGSTER", jobType=kind)
    return Job(namespace, name, {"jobType": facet})


def _start_and_end(
    run_id: str,
    job: Job,
    work: Work,
    *,
    parent: parent_run.ParentRunFacet | None = None,
    read: Sequence[InputDataset] = (),
    written: Sequence[OutputDataset] = (),
) -> Iterator[RunEvent]:
    for state, at in ((RunState.START, work.started), (work.state, work.ended)):
        facets: dict[str, RunFacet] = {"parent": parent} if parent else {}
        if state is RunState.FAIL:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(work.error or "", "PYTHON")
        yield RunEvent(
            eventTime=datetime.fromtimestamp(at, UTC).isoformat(),
            eventType=state,
            run=Run(run_id, facets),
            job=job,
            inputs=list(read),
            outputs=list(written),
        )
