"""monitoring_durations: how long runs, their steps and queries took, kept when the runs are deleted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

import dagster as dg

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.checks.spec import Check, Evaluation
from olist_assets.contracts.table import Column, Table
from olist_assets.monitoring.append import Row, add_new, stored_keys
from olist_assets.checks.robust import LEAST_PAST, is_usual
from olist_assets.settings import Settings
from olist_assets.contracts.thresholds import Limit

MONITORING_DURATIONS = Table(
    name="monitoring_durations",
    description="Seconds of Dagster's runs and steps, and of the queries in the audit log.",
    grain="One row per finished run, successful step or timed query.",
    key=("kind", "name", "id"),
    may_be_empty=True,
    columns=(
        Column("kind", "string", "What took the time.", accepted=("run", "step", "query")),
        Column("name", "string", "Job, step or query; with the number of days, for a day is not compared with all."),
        Column("id", "string", "The run, or when the query was asked."),
        Column("at", "timestamp", "When it began; of a query, when it ended."),
        Column("seconds", "double", "How long it took.", unit="s", minimum=0),
    ),
    kinds=frozenset({"deltalake", "python"}),
)
SLOWER = Limit(
    1.0, "Times the median more, so more than twice as long. Other work on a small machine costs up to that."
)
WORTH_TELLING = Limit(1.0, "Seconds more than the median. Below it nobody waits, and imports alone vary by as much.")
DEVIATIONS = Limit(5, "Robust standard deviations, as for the tables.")
KEPT_RUNS, COMPARED = 100, 20
QUERIES = ("query", "refresh", "dashboard")


@dg.asset(**MONITORING_DURATIONS.asset_args())
def monitoring_durations(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Runs, steps and queries that ended since the last time."""
    settings = Settings()
    seen = {key[2] for key in stored_keys(settings, MONITORING_DURATIONS) or () if key[0] == "run"}
    rows = run_durations(context.instance, seen) + query_durations(settings)
    return dg.MaterializeResult(metadata={"rows_added": add_new(settings, MONITORING_DURATIONS, rows)})


def run_durations(instance: dg.DagsterInstance, seen: set[str]) -> list[Row]:
    """The newest successful runs that were not seen yet, and their steps."""
    rows: list[Row] = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]), limit=KEPT_RUNS):
        run = record.dagster_run
        if run.run_id in seen or record.start_time is None or record.end_time is None:
            continue
        days, steps = _days(run.tags), instance.get_run_step_stats(run.run_id)
        # A run of all tables is not compared with one of a single one.
        name = f"{run.job_name} ({len(steps)} steps{days})"
        rows.append(_row("run", name, run.run_id, record.start_time, record.end_time))
        rows += [
            _row(
                "step", f"{step.step_key}{f' ({days[2:]})' if days else ''}", run.run_id, step.start_time, step.end_time
            )
            for step in steps
            if step.start_time is not None and step.end_time is not None
        ]
    return rows


def _row(kind: str, name: str, run_id: str, start: float, end: float) -> Row:
    return {"kind": kind, "name": name, "id": run_id, "at": datetime.fromtimestamp(start, UTC), "seconds": end - start}


def _days(tags: Mapping[str, str]) -> str:
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    return f", {(date.fromisoformat(last) - date.fromisoformat(first)).days + 1} days" if first and last else ""


def query_durations(settings: Settings) -> list[Row]:
    """Queries of the audit log that say how long they took."""
    log = audit_log.opened(settings)
    if log is None:
        return []
    with lakehouse.connection({audit_log.NAME: log}) as con:
        found = con.execute(
            f'SELECT statement, "at", seconds FROM {audit_log.NAME} WHERE action IN {QUERIES} AND error IS NULL '
            "AND statement IS NOT NULL AND seconds IS NOT NULL"
        ).fetchall()
    return [
        {"kind": "query", "name": statement, "id": at.isoformat(), "at": at, "seconds": seconds}
        for statement, at, seconds in found
    ]


def duration_checks() -> list[Check]:
    """One check a kind of duration."""
    return [duration_check(kind) for kind in ("run", "step", "query")]


def duration_check(kind: str) -> Check:
    """The newest of each name took no longer than those before it let expect."""
    query = f'SELECT name, seconds FROM {MONITORING_DURATIONS.name} WHERE kind = $kind ORDER BY name, "at"'

    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        slow, compared = {}, 0
        for name, rows in groupby(on.sql.execute(query, {"kind": kind}).fetchall(), key=lambda row: row[0]):
            *past, newest = [seconds for _, seconds in rows][-COMPARED - 1 :]
            if len(past) >= LEAST_PAST:
                compared += 1
                middle = sorted(past)[len(past) // 2]
                least = max(WORTH_TELLING.value, SLOWER.value * middle)
                if newest > middle and not is_usual(newest, past, least, DEVIATIONS.value):
                    slow[name] = {"seconds": round(newest, 2), "usually": round(middle, 2)}
        return not slow, {"compared": compared, "slow": slow}

    reason = f"{SLOWER.reason} {WORTH_TELLING.reason}"
    return Check(f"{kind}_durations_are_usual", reason, evaluate, blocking=False)
