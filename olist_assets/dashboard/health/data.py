"""The health of every table: its state in the Delta log and in Dagster's storage, and the status that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import streamlit as st

from olist_assets.checks.kinds import key_check
from olist_assets.contracts.table import Table
from olist_assets.dashboard import data, storage
from olist_assets.dashboard.health.score import EVALUATIONS, quality_score
from olist_assets.errors import OlistError
from olist_assets.lakehouse.statistics import day_bounds, statistics
from olist_assets.lakehouse.time_travel import schema_versions
from olist_assets.lakehouse.warehouse import TableMissing, Warehouse
from olist_assets.orchestration.dagster_storage import (
    CheckEvaluation,
    DayState,
    LastRun,
    Outcome,
    blocking_checks,
    check_history,
    day_states,
    last_runs,
    latest_checks,
    pass_rates,
)

CACHE_SECONDS = 15


class Status(StrEnum):
    """The status of a table, the worst first."""

    FAILING = "failing"
    WARNING = "warning"
    MISSING = "missing"
    STALE = "stale"
    HEALTHY = "healthy"


@dataclass(frozen=True)
class StoredTable:
    """The newest version of a table in its Delta log; with an `error` that prevents opening it, all counts are zero."""

    version: int = 0
    rows: int = 0
    nulls: int = 0
    """Nulls in required columns."""
    bytes: int = 0
    files: int = 0
    last_day: date | None = None
    """The last day with rows, of a daily table."""
    schema_version: int = 0
    schema_since: int = 0
    """The Delta version of the last change of columns."""
    error: str | None = None


@dataclass(frozen=True)
class TableHealth:
    """A table with its status and the reasons for it; `stored` is None where the table was never written."""

    contract: Table
    status: Status
    reasons: tuple[str, ...]
    stored: StoredTable | None
    run: LastRun
    checks: tuple[CheckEvaluation, ...]
    score: float | None = None

    @property
    def name(self) -> str:
        return self.contract.name

    @property
    def duplicates(self) -> int | None:
        """Rows beyond the first of a key, in the last evaluation of the key's check; None without an evaluation."""
        if not self.contract.key:
            return None
        name = key_check(self.contract.key).name
        return next((check.metadata.get("offending_rows") for check in self.checks if check.check == name), None)


def current_health() -> list[TableHealth]:
    """The health of every table, at most CACHE_SECONDS old; the worst status first, then in the layers' order."""
    warehouse = data.warehouse()
    return _health(warehouse, str(warehouse.root), storage.home())


# All of it is immutable, so that sessions can share it without copies.
@st.cache_resource(ttl=CACHE_SECONDS, show_spinner="Reading the tables' logs")
def _health(_warehouse: Warehouse, root: str, home: str) -> list[TableHealth]:  # noqa: ARG001
    instance, catalog = storage.instance(), _warehouse.catalog
    runs = last_runs(instance, [*catalog.business_tables, *catalog.models, *catalog.promotions])
    evaluations = latest_checks(instance, storage.graph())
    materialized_at = {name: run.materialized_at for name, run in runs.items()}
    graph, rates = storage.graph(), pass_rates(instance, EVALUATIONS)
    found = []
    for name, contract in catalog.business_tables.items():
        checks = tuple(each for each in evaluations if each.table == name)
        run, stored = runs.get(name, LastRun()), stored_table(_warehouse, contract)
        newer = newer_parents(name, catalog.parents(name), materialized_at)
        status, reasons = status_of(stored, run, checks, newer)
        score = quality_score(
            {check: rate for (table, check), rate in rates.items() if table == name}, blocking_checks(graph, name)
        )
        found.append(TableHealth(contract, status, reasons, stored, run, checks, score))
    order = list(Status)
    return sorted(found, key=lambda table: order.index(table.status))


def stored_table(warehouse: Warehouse, contract: Table) -> StoredTable | None:
    """The newest version of a table; None where it was never written."""
    try:
        table = warehouse.open(contract.name)
        counts = statistics(table)
        bounds = day_bounds(table, contract.day) if contract.day else None
    except TableMissing:
        return None
    except OlistError as error:
        return StoredTable(error=str(error))
    schemas = schema_versions(warehouse, contract.name)
    return StoredTable(
        version=table.version(),
        rows=counts.rows,
        nulls=sum(counts.nulls.get(column.name, 0) for column in contract.required),
        bytes=counts.bytes,
        files=counts.files,
        last_day=bounds[1] if bounds else None,
        schema_version=len(schemas),
        schema_since=schemas[-1] if schemas else 0,
    )


def newer_parents(name: str, parents: Sequence[str], materialized_at: Mapping[str, datetime | None]) -> list[str]:
    """The parents that were materialized after the table."""
    own = materialized_at.get(name)
    if own is None:
        return []
    return [parent for parent in parents if (at := materialized_at.get(parent)) and at > own]


def status_of(
    stored: StoredTable | None, run: LastRun, checks: Sequence[CheckEvaluation], newer: Sequence[str]
) -> tuple[Status, tuple[str, ...]]:
    """The status of a table and all reasons, those for the worst status first."""
    reasons: dict[Status, list[str]] = {status: [] for status in Status}
    if stored and stored.error:
        reasons[Status.FAILING].append(stored.error)
    if run.has_failed:
        reasons[Status.FAILING].append("the last run did not materialize the table")
    reasons[Status.FAILING] += [f"{each.check} failed" for each in checks if each.outcome == Outcome.FAILED]
    reasons[Status.WARNING] += [f"{each.check} warns" for each in checks if each.outcome == Outcome.WARNING]
    outdated = [each for each in checks if each.is_outdated]
    if outdated:
        reasons[Status.WARNING].append(f"{len(outdated)} checks were planned but not evaluated in the last run of them")
    if stored is None:
        reasons[Status.MISSING].append("the table was never written")
    if newer:
        reasons[Status.STALE].append(f"materialized before assets that it reads: {', '.join(newer)}")
    worst = next((status for status in Status if reasons[status]), Status.HEALTHY)
    return worst, tuple(reason for status in Status for reason in reasons[status])


def history(table: str) -> list[CheckEvaluation]:
    """The newest evaluations of each check of a table."""
    return check_history(storage.instance(), storage.graph(), table)


def days(contract: Table) -> tuple[dict[str, DayState], dict[str, int]]:
    """The state and the rows of each day (ISO date) of a daily table; days without rows have no number of rows."""
    query = f"SELECT CAST({contract.day} AS VARCHAR) AS day, count(*) AS n FROM {contract.name} GROUP BY 1"
    rows = {day: int(n) for day, n in data.answer(query).itertuples(index=False)}
    return day_states(storage.instance(), storage.graph(), contract.name), rows
