"""What Dagster's storage knows of the tables: their runs, their checks over time, their days.

Read through Dagster's own interface, in a number of queries that does not grow with the tables or their checks.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dagster as dg
import streamlit as st
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as COMPLETED,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from olist_assets.definitions import defs
from olist_assets.orchestration.instance import dagster_home, instance
from olist_assets.settings import Settings

PASSED, WARNED, FAILED, NOT_RUN = "passed", "warning", "failed", "not run"
MATERIALIZED, MISSING, DAY_FAILED = "materialized", "missing", "failed"
EVALUATIONS_SHOWN = 60
# What is shown of a link to a run: the first part of its id.
RUN_SHOWN = r".*/runs/([0-9a-f]{8})"


@cache
def graph() -> BaseAssetGraph:
    """The assets and checks that are defined, without asking a storage."""
    return defs.resolve_asset_graph()


@dataclass(frozen=True)
class LastRun:
    """The last run that made a table or was to make it: `made_at` is None where none ever did."""

    run_id: str | None
    made_at: datetime | None
    seconds: float | None
    """What making the table took, its write included."""
    has_failed: bool
    """Whether the last run that was to make it ended without doing so."""


@dataclass(frozen=True)
class Evaluated:
    """One evaluation of a check: its outcome, when (UTC), by which run, with which figures."""

    table: str
    check: str
    outcome: str
    at: datetime
    run_id: str
    figures: Mapping[str, Any]
    was_passed_over: bool = False
    """Whether a later run was to evaluate it and ended without doing so."""


def storage() -> dg.DagsterInstance:
    """Dagster's storage, opened once for all sessions. Raises OlistError where it cannot be opened."""
    return _opened(str(dagster_home()))[0]


# Its connections come from pools, so that Streamlit's threads can share it.
@st.cache_resource(show_spinner=False, on_release=lambda opened: opened[1].close())
def _opened(home: str) -> tuple[dg.DagsterInstance, ExitStack]:
    del home  # It only tells apart what was opened.
    held = ExitStack()
    return held.enter_context(instance()), held


def run_link(run_id: str) -> str:
    """Where Dagster's UI shows the run."""
    return f"{Settings().dagster_url.rstrip('/')}/runs/{run_id}"


def parents(name: str) -> list[str]:
    """The tables and models that a table or model is made from."""
    return sorted(key.to_user_string() for key in graph().get(dg.AssetKey(name)).parent_keys)


def description_of(table: str, check: str) -> str:
    return graph().get(dg.AssetCheckKey(dg.AssetKey(table), check)).description or ""


def checks_of(table: str) -> list[dg.AssetCheckKey]:
    return sorted(graph().get_check_keys_for_assets({dg.AssetKey(table)}), key=lambda key: key.name)


def last_runs(dagster: dg.DagsterInstance, names: Iterable[str]) -> dict[str, LastRun]:
    """By table or model; two queries in all."""
    entries = [record.asset_entry for record in dagster.get_asset_records([dg.AssetKey(name) for name in names])]
    ids = {entry.last_run_id for entry in entries if entry.last_run_id}
    found = dagster.get_run_records(filters=dg.RunsFilter(run_ids=list(ids))) if ids else []
    runs = {record.dagster_run.run_id: record for record in found}
    return {entry.asset_key.to_user_string(): _last_run(entry, runs.get(entry.last_run_id or "")) for entry in entries}


def _last_run(entry: Any, run: dg.RunRecord | None) -> LastRun:
    record, event = entry.last_materialization_record, entry.last_materialization
    made_by = record.run_id if record else None
    ended = run is not None and run.dagster_run.is_finished
    seconds = _figures(event.asset_materialization.metadata).get("seconds") if event else None
    return LastRun(
        run_id=entry.last_run_id or made_by,
        made_at=datetime.fromtimestamp(record.timestamp, UTC) if record else None,
        seconds=seconds,
        has_failed=ended and entry.last_run_id != made_by,
    )


def latest_checks(dagster: dg.DagsterInstance) -> list[Evaluated]:
    """The last completed evaluation of each check that has one; one query unless runs left checks out."""
    # Dagster's instance gives the checks of a table one by one; its event log all at once.
    log = dagster.event_log_storage
    found = dict(log.get_latest_asset_check_execution_by_key(sorted(graph().asset_check_keys)))
    planned = {key: record.run_id for key, record in found.items() if record.status not in COMPLETED}
    ended = _ended(dagster, set(planned.values()))
    for key in planned:
        del found[key]
        if before := log.get_asset_check_execution_history(key, limit=1, status=COMPLETED):
            found[key] = before[0]
    return [_evaluated(record, was_passed_over=planned.get(key) in ended) for key, record in found.items()]


def _ended(dagster: dg.DagsterInstance, run_ids: set[str]) -> set[str]:
    """Those of the runs that go on no more."""
    runs = dagster.get_runs(filters=dg.RunsFilter(run_ids=list(run_ids))) if run_ids else []
    return {run.run_id for run in runs if run.is_finished}


def check_history(dagster: dg.DagsterInstance, table: str) -> list[Evaluated]:
    """The newest evaluations of each check of a table, also those that a run planned and never came to."""
    # Dagster has no method for this on the instance.
    history = dagster.event_log_storage.get_asset_check_execution_history
    return [_evaluated(record) for key in checks_of(table) for record in history(key, limit=EVALUATIONS_SHOWN)]


def _evaluated(record: AssetCheckExecutionRecord, *, was_passed_over: bool = False) -> Evaluated:
    evaluation = record.evaluation if record.status in COMPLETED else None
    if evaluation is None:
        outcome = NOT_RUN
    elif evaluation.passed:
        outcome = PASSED
    else:
        outcome = FAILED if evaluation.severity == dg.AssetCheckSeverity.ERROR else WARNED
    return Evaluated(
        table=record.key.asset_key.to_user_string(),
        check=record.key.name,
        outcome=outcome,
        # A record's own time is that of its plan, to the second.
        at=datetime.fromtimestamp(record.event.timestamp if record.event else record.create_timestamp, UTC),
        run_id=record.run_id,
        figures=_figures(evaluation.metadata) if evaluation else {},
        was_passed_over=was_passed_over,
    )


def _figures(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


def day_states(dagster: dg.DagsterInstance, table: str) -> dict[str, str]:
    """Each day (ISO date) of a daily table: materialized, failed or missing. Empty for the other tables."""
    days = graph().get(dg.AssetKey(table)).partitions_def
    if days is None:
        return {}
    keys = days.get_partition_keys()
    found = dagster.get_status_by_partition(dg.AssetKey(table), keys, days) or {}
    words = {AssetPartitionStatus.MATERIALIZED: MATERIALIZED, AssetPartitionStatus.FAILED: DAY_FAILED}
    return {key: words.get(state, MISSING) if (state := found.get(key)) else MISSING for key in keys}
