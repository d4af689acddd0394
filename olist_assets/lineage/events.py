"""OpenLineage events of finished runs, translated from Dagster's event log with the library `openlineage-python`.

A Dagster run is a run of its job; each table that it wrote is a child run, of a job named like the table. Both start
and end (COMPLETE, FAIL or ABORT) at the times that Dagster recorded. Their ids are derived from Dagster's, so that they
are the same if sent twice. The position in the log is stored in Dagster's own storage and advances with every run whose
events were delivered.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterEventType as Kind
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import RunFacet, error_message_run, parent_run

from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.lineage.datasets import inputs, output
from olist_assets.lineage.receiver import job, receiver
from olist_assets.orchestration.failures import reason
from olist_assets.orchestration.job_names import STREAM

CURSOR = "olist/openlineage"
RUNS_AT_ONCE = 20
RUN_ENDS = {
    Kind.RUN_SUCCESS: RunState.COMPLETE, Kind.RUN_FAILURE: RunState.FAIL, Kind.RUN_CANCELED: RunState.ABORT,
}  # fmt: skip
STEP_ENDS = {Kind.STEP_SUCCESS: RunState.COMPLETE, Kind.STEP_FAILURE: RunState.FAIL}


@dataclass
class Work:
    """A run or a step: start and end (Unix time), its final state, and the metadata of the table that it wrote."""

    started: float
    ended: float
    state: RunState
    error: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def send_new(storage: dg.DagsterInstance, warehouse: Warehouse) -> int:
    """Send the events of runs that finished since the last call, at most RUNS_AT_ONCE; returns their number.

    Raises NotDelivered; the remaining runs are sent by the next call.
    """
    sent = 0
    with receiver("Nothing is lost: the next run or tick sends them.") as client:
        for record in ended_runs(storage):
            for event in events_of(storage, warehouse, record.event_log_entry):
                client.emit(event)
            storage.daemon_cursor_storage.set_cursor_values({CURSOR: str(record.storage_id)})
            sent += 1
    return sent


def ended_runs(storage: dg.DagsterInstance) -> list[dg.EventLogRecord]:
    """The final events of runs that were not sent yet, oldest first."""
    sent = int(storage.daemon_cursor_storage.get_cursor_values({CURSOR}).get(CURSOR, 0))
    found = (
        record
        for kind in (Kind.RUN_SUCCESS, Kind.RUN_FAILURE, Kind.RUN_CANCELED)
        for record in storage.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(kind, after_storage_id=sent), limit=RUNS_AT_ONCE, ascending=True
        ).records
    )
    return sorted(found, key=lambda record: record.storage_id)[:RUNS_AT_ONCE]


def events_of(storage: dg.DagsterInstance, warehouse: Warehouse, end: dg.EventLogEntry) -> Iterator[RunEvent]:
    """Start and end of the run of a final event, and between them those of each table that it wrote."""
    run, steps = work_of(storage, warehouse, end)
    whole = job(str(end.job_name), "DAG")
    run_started, run_ended = _start_and_end(end.run_id, whole, run)
    parent = parent_run.ParentRunFacet(parent_run.Run(end.run_id), parent_run.Job(whole.namespace, whole.name))
    yield run_started
    for name, step in steps.items():
        run_id, table = str(uuid.uuid5(uuid.UUID(end.run_id), name)), warehouse.catalog.table(name)
        read, written = inputs(table, warehouse), [output(table, warehouse, step.metadata)]
        yield from _start_and_end(run_id, job(name, "TASK"), step, parent=parent, read=read, written=written)
    yield run_ended


def work_of(storage: dg.DagsterInstance, warehouse: Warehouse, end: dg.EventLogEntry) -> tuple[Work, dict[str, Work]]:
    """A finished run and its steps that write tables, by table, from the event log."""
    last = end.get_dagster_event()
    run = Work(end.timestamp, end.timestamp, RUN_ENDS[last.event_type])
    if run.state is RunState.FAIL:
        run.error = last.message
    steps, started = dict[str, Work](), dict[str, float]()
    wanted = {Kind.RUN_START, Kind.STEP_START, *STEP_ENDS, Kind.ASSET_MATERIALIZATION}
    for record in storage.get_records_for_run(end.run_id, of_type=wanted).records:
        event, at = record.event_log_entry.get_dagster_event(), record.event_log_entry.timestamp
        name = str(event.step_key)
        if event.event_type is Kind.RUN_START:
            run.started = at
        elif event.event_type is Kind.STEP_START:
            started[name] = at
            if name in warehouse.catalog.business_tables:
                # Unless a later event says otherwise, the end of the run aborted it.
                steps[name] = Work(at, end.timestamp, RunState.ABORT)
        elif name in steps:
            _note(steps[name], event, at)
        elif event.event_type is Kind.ASSET_MATERIALIZATION and event.job_name == STREAM:
            # One step of this job writes many tables, and has done so when it says so.
            table = str(event.asset_key and event.asset_key.to_user_string())
            steps[table] = Work(started[name], at, RunState.COMPLETE)
            _note(steps[table], event, at)
    return run, steps


def _note(step: Work, event: dg.DagsterEvent, at: float) -> None:
    if event.event_type is Kind.ASSET_MATERIALIZATION:
        recorded = event.step_materialization_data.materialization.metadata
        # The event of another day that changed has no metadata of the whole table.
        if "bytes" in recorded:
            step.metadata = {name: value.value for name, value in recorded.items()}
        return
    step.ended, step.state = at, STEP_ENDS[event.event_type]
    if step.state is RunState.FAIL:
        step.error = reason(event.step_failure_data.error)


def _start_and_end(
    run_id: str,
    of_job: Job,
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
            job=of_job,
            inputs=list(read),
            outputs=list(written),
        )
