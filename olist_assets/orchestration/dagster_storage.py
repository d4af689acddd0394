"""What Dagster's storage knows about the tables: their last runs, their checks over time, their days.

The opened instance and the asset graph are arguments: this module opens no storage and builds no definitions. The
number of queries does not grow with the tables or their checks, except where a docstring says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph as AssetGraph
from dagster._core.event_api import EventLogCursor
from dagster._core.scheduler.instigation import InstigatorType
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as COMPLETED,
)
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.partition_status_cache import AssetPartitionStatus
from sqlalchemy import case, func, select

from olist_assets.lakehouse.commit_metadata import current_names
from olist_assets.settings import Settings

MAX_EVALUATIONS = 60
"""Completed evaluations of one check in its history."""


class Outcome(StrEnum):
    """The outcome of a check in one run, the worst first."""

    FAILED = "failed"
    WARNING = "warning"
    PASSED = "passed"
    NOT_RUN = "not run"


class DayState(StrEnum):
    """The state of one day of a daily table."""

    MATERIALIZED = "materialized"
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True)
class LastRun:
    """The last run of a table or model, and its last materialization, which may be older."""

    run_id: str | None = None
    materialized_at: datetime | None = None
    seconds: float | None = None
    """Duration of the last materialization, its write included."""
    has_failed: bool = False
    """Whether the last run ended without materializing the table."""


@dataclass(frozen=True)
class CheckEvaluation:
    """The outcome of a check in one run, with its time (UTC) and its metadata."""

    table: str
    check: str
    outcome: Outcome
    at: datetime
    run_id: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    is_outdated: bool = False
    """Whether a later run planned the check and ended without evaluating it."""


def run_link(settings: Settings, run_id: str) -> str:
    """The address of a run in Dagster's UI."""
    return f"{settings.dagster_url.link}/runs/{run_id}"


def events_cursor(storage_id: int) -> str:
    """The cursor with which Dagster's instance returns the events after this one."""
    return EventLogCursor.from_storage_id(storage_id).to_string()


def pass_rates(instance: dg.DagsterInstance, evaluations: int) -> dict[tuple[str, str], float]:
    """The share of the newest completed evaluations of each check that passed, by table and check; one query."""
    row = AssetCheckExecutionsTable.c
    newest = func.row_number().over(partition_by=(row.asset_key, row.check_name), order_by=row.id.desc())
    completed = (
        select(row.asset_key, row.check_name, row.execution_status, newest.label("age"))
        .where(row.execution_status.in_([status.value for status in COMPLETED]))
        .subquery()
    )
    passed = case((completed.c.execution_status == AssetCheckExecutionRecordStatus.SUCCEEDED.value, 1.0), else_=0.0)
    query = (
        select(completed.c.asset_key, completed.c.check_name, func.avg(passed))
        .where(completed.c.age <= evaluations)
        .group_by(completed.c.asset_key, completed.c.check_name)
    )
    with cast(SqlEventLogStorage, instance.event_log_storage).index_connection() as connection:
        rates = connection.execute(query).all()
    keys = ((dg.AssetKey.from_db_string(key), check, rate) for key, check, rate in rates)
    return {(key.to_user_string(), check): float(rate) for key, check, rate in keys if key}


def sensor_cursors(instance: dg.DagsterInstance, name: str) -> list[str]:
    """The cursors of the sensors of this name; a deployment may have several code locations."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    cursors = (getattr(state.instigator_data, "cursor", None) for state in states if state.name == name)
    return [cursor for cursor in cursors if cursor]


def read_text(instance: dg.DagsterInstance, key: str) -> str | None:
    """A text that was stored beside the event log; None where there is none."""
    return instance.daemon_cursor_storage.get_cursor_values({key}).get(key)


def write_text(instance: dg.DagsterInstance, key: str, text: str) -> None:
    """Store a text beside the event log, to which it refers."""
    instance.daemon_cursor_storage.set_cursor_values({key: text})


def check_description(graph: AssetGraph, table: str, check: str) -> str:
    return graph.get(dg.AssetCheckKey(dg.AssetKey(table), check)).description or ""


def blocking_checks(graph: AssetGraph, table: str) -> dict[str, bool]:
    """Whether each check of a table blocks the tables downstream, by its name."""
    return {key.name: graph.get(key).blocking for key in graph.get_check_keys_for_assets({dg.AssetKey(table)})}


def last_runs(instance: dg.DagsterInstance, names: Iterable[str]) -> dict[str, LastRun]:
    """The last run of each table or model that has one, by name; two queries for all of them."""
    entries = [record.asset_entry for record in instance.get_asset_records([dg.AssetKey(name) for name in names])]
    ids = {entry.last_run_id for entry in entries if entry.last_run_id}
    ended = _ended(instance, ids)
    return {entry.asset_key.to_user_string(): _last_run(entry, ended) for entry in entries}


def _last_run(entry: Any, ended: set[str]) -> LastRun:
    record, event = entry.last_materialization_record, entry.last_materialization
    materialized_by = record.run_id if record else None
    return LastRun(
        run_id=entry.last_run_id or materialized_by,
        materialized_at=datetime.fromtimestamp(record.timestamp, UTC) if record else None,
        seconds=_values(event.asset_materialization.metadata).get("seconds") if event else None,
        has_failed=entry.last_run_id in ended and entry.last_run_id != materialized_by,
    )


def _ended(instance: dg.DagsterInstance, run_ids: set[str]) -> set[str]:
    """The runs that have ended, of those given."""
    runs = instance.get_runs(filters=dg.RunsFilter(run_ids=list(run_ids))) if run_ids else []
    return {run.run_id for run in runs if run.is_finished}


def latest_checks(instance: dg.DagsterInstance, graph: AssetGraph) -> list[CheckEvaluation]:
    """The last completed evaluation of each check that has one.

    One query for all checks, and one more for each check whose newest record is a plan without an evaluation.
    """
    # The instance returns the checks of one asset at a time; its event log returns all of them at once.
    log = instance.event_log_storage
    newest = log.get_latest_asset_check_execution_by_key(sorted(graph.asset_check_keys))
    planned = {key: record.run_id for key, record in newest.items() if record.status not in COMPLETED}
    ended = _ended(instance, set(planned.values()))
    completed = [record for record in newest.values() if record.status in COMPLETED]
    for key in planned:
        completed += log.get_asset_check_execution_history(key, limit=1, status=COMPLETED)
    return [
        # A run plans a check once per partition and evaluates it once: its own evaluation is not outdated.
        _evaluation(record, is_outdated=planned.get(record.key) in ended - {record.run_id})
        for record in completed
    ]


def check_history(instance: dg.DagsterInstance, graph: AssetGraph, table: str) -> list[CheckEvaluation]:
    """The newest evaluations of each check of a table, and the runs that planned a check and ended without it.

    At most MAX_EVALUATIONS completed ones per check, and the runs in the same period that did not evaluate it. One
    query per check, and two for all of them.
    """
    asset = dg.AssetKey(table)
    not_run = _not_run(instance, asset)
    found: list[CheckEvaluation] = []
    for key in sorted(graph.get_check_keys_for_assets({asset}), key=lambda key: key.name):
        # The instance has no method for the history of a check.
        records = instance.event_log_storage.get_asset_check_execution_history(key, MAX_EVALUATIONS, status=COMPLETED)
        completed = [_evaluation(record) for record in records]
        is_whole = len(completed) < MAX_EVALUATIONS
        since = datetime.min.replace(tzinfo=UTC) if is_whole else min(each.at for each in completed)
        skipped = [each for each in not_run if each.check == key.name and each.at > since]
        found += [*completed, *skipped[:MAX_EVALUATIONS]]
    return found


def _not_run(instance: dg.DagsterInstance, asset: dg.AssetKey) -> list[CheckEvaluation]:
    """The checks of an asset that a run planned and, as it ended, had not evaluated, the newest first.

    A run over a range of days records one planned row per day and check, and a single evaluation; the other rows stay
    planned for ever. That can be hundreds of rows per run, so the database counts them: Dagster's own method would
    read each.
    """
    row = AssetCheckExecutionsTable.c
    is_completed = row.execution_status.in_([status.value for status in COMPLETED])
    planned_at = func.max(func.coalesce(row.evaluation_event_timestamp, row.create_timestamp))
    query = (
        select(row.check_name, row.run_id, planned_at)
        .where(row.asset_key == asset.to_string())
        .group_by(row.check_name, row.run_id)
        .having(func.sum(case((is_completed, 1), else_=0)) == 0)
        .order_by(planned_at.desc())
    )
    with cast(SqlEventLogStorage, instance.event_log_storage).index_connection() as connection:
        planned = connection.execute(query).all()
    ended = _ended(instance, {run_id for _, run_id, _ in planned})
    return [
        CheckEvaluation(asset.to_user_string(), check, Outcome.NOT_RUN, at.replace(tzinfo=UTC), run_id)
        for check, run_id, at in planned
        if run_id in ended
    ]


def _evaluation(record: AssetCheckExecutionRecord, *, is_outdated: bool = False) -> CheckEvaluation:
    """A completed record as an evaluation."""
    evaluation, event = record.evaluation, record.event
    if evaluation is None or event is None:
        raise dg.DagsterInvariantViolationError(f"The evaluation of {record.key} in run {record.run_id} has no event.")
    if evaluation.passed:
        outcome = Outcome.PASSED
    else:
        outcome = Outcome.FAILED if evaluation.severity == dg.AssetCheckSeverity.ERROR else Outcome.WARNING
    return CheckEvaluation(
        table=record.key.asset_key.to_user_string(),
        check=record.key.name,
        outcome=outcome,
        # The record's own time is the time of its plan, in whole seconds.
        at=datetime.fromtimestamp(event.timestamp, UTC),
        run_id=record.run_id,
        metadata=current_names(_values(evaluation.metadata)),
        is_outdated=is_outdated,
    )


def _values(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    return current_names({name: value.value for name, value in metadata.items()})


def day_states(instance: dg.DagsterInstance, graph: AssetGraph, table: str) -> dict[str, DayState]:
    """The state of each day (ISO date) of a daily table; empty for other tables."""
    asset = dg.AssetKey(table)
    days = graph.get(asset).partitions_def
    if days is None:
        return {}
    keys = days.get_partition_keys()
    statuses = instance.get_status_by_partition(asset, keys, days) or {}
    known = {AssetPartitionStatus.MATERIALIZED: DayState.MATERIALIZED, AssetPartitionStatus.FAILED: DayState.FAILED}
    states = {key: known.get(status) for key, status in statuses.items() if status}
    return {key: states.get(key) or DayState.MISSING for key in keys}
