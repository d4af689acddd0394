"""monitoring_durations: durations of runs, steps and queries, kept after the runs are deleted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from olist_assets.checks.robust import MIN_PAST, is_usual
from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Threshold
from olist_assets.governance.audit_store import NAME, AuditStore
from olist_assets.lakehouse.history_table import Row, stored_keys
from olist_assets.lakehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from olist_assets.orchestration.run_history import FinishedRun, RunHistory

MONITORING_DURATIONS = Table(
    name="monitoring_durations",
    description="Seconds of Dagster's runs and steps, and of the queries in the audit log.",
    grain="One row per finished run, successful step or timed query.",
    key=("kind", "name", "id"),
    may_be_empty=True,
    columns=(
        Column("kind", "string", "Kind of activity.", accepted=("run", "step", "query")),
        Column("name", "string", "Name of the job, step or query, with the number of days of a partitioned run."),
        Column("id", "string", "Id of the run, or time of the query."),
        Column("at", "timestamp", "Start time; for a query its end."),
        Column("seconds", "double", "Duration.", unit="s", minimum=0),
    ),
    is_history=True,
    kinds=frozenset({"deltalake", "python"}),
)
RELATIVE_INCREASE = Threshold(
    1.0, "Increase as a multiple of the median: more than twice as long. Other work on a small machine costs as much."
)
MIN_INCREASE = Threshold(
    1.0, "Seconds above the median. A smaller increase is not noticeable, and imports alone vary as much."
)
DEVIATIONS = Threshold(5, "Robust standard deviations, as for the tables.")
RUNS_READ, COMPARED = 100, 20
QUERIES = ("query", "refresh", "dashboard")


@table_asset(MONITORING_DURATIONS)
def monitoring_durations(warehouse: Resource[Warehouse], runs: Resource["RunHistory"]) -> list[Row]:
    """Runs, steps and queries that ended since the last time."""
    seen = {key[2] for key in stored_keys(warehouse, MONITORING_DURATIONS) or () if key[0] == "run"}
    finished = runs.successful_runs(RUNS_READ, without=seen)
    return [row for run in finished for row in run_durations(run)] + query_durations(warehouse)


def run_durations(run: "FinishedRun") -> list[Row]:
    """A run and its steps."""
    days = _day_count(run.tags)
    # The number of steps and days is part of the name: a run of one table is not compared with one of all tables.
    name = f"{run.job_name} ({len(run.steps)} steps{f', {days} days' if days else ''})"
    suffix = f" ({days} days)" if days else ""
    steps = [_row("step", f"{step.key}{suffix}", run.run_id, step.start, step.end) for step in run.steps]
    return [_row("run", name, run.run_id, run.start, run.end), *steps]


def _row(kind: str, name: str, run_id: str, start: float, end: float) -> Row:
    return {"kind": kind, "name": name, "id": run_id, "at": datetime.fromtimestamp(start, UTC), "seconds": end - start}


def _day_count(tags: Mapping[str, str]) -> int | None:
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    return (date.fromisoformat(last) - date.fromisoformat(first)).days + 1 if first and last else None


def query_durations(warehouse: Warehouse) -> list[Row]:
    """Queries of the audit log whose duration is known."""
    with AuditStore(warehouse).connection() as con:
        found = con.execute(
            f'SELECT statement, "at", seconds FROM {NAME} WHERE action IN {QUERIES} AND error IS NULL '
            "AND statement IS NOT NULL AND seconds IS NOT NULL"
        ).fetchall()
    return [
        {"kind": "query", "name": statement, "id": at.isoformat(), "at": at, "seconds": seconds}
        for statement, at, seconds in found
    ]


def duration_checks() -> list[Check]:
    """One check per kind of duration."""
    return [duration_check(kind) for kind in ("run", "step", "query")]


def duration_check(kind: str) -> Check:
    """The newest duration of each name is no longer than expected from those before it."""
    query = f'SELECT name, seconds FROM {MONITORING_DURATIONS.name} WHERE kind = $kind ORDER BY name, "at"'

    def evaluate(on: CheckContext) -> Verdict:
        slow, compared = {}, 0
        for name, rows in groupby(on.rows(query, {"kind": kind}), key=lambda row: row[0]):
            *past, newest = [seconds for _, seconds in rows][-COMPARED - 1 :]
            if len(past) < MIN_PAST:
                continue
            compared += 1
            middle = sorted(past)[len(past) // 2]
            min_increase = max(MIN_INCREASE.value, RELATIVE_INCREASE.value * middle)
            if newest > middle and not is_usual(newest, past, min_increase, DEVIATIONS.value):
                slow[name] = {"seconds": round(newest, 2), "usually": round(middle, 2)}
        return not slow, {"compared": compared, "slow": slow}

    reason = f"{RELATIVE_INCREASE.reason} {MIN_INCREASE.reason}"
    return Check(f"{kind}_durations_are_usual", reason, evaluate, blocking=False)
