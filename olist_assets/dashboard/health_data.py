"""The health of every table: what its Delta log and Dagster's storage say of it, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import models, tables
from olist_assets.checks.kinds import key_check
from olist_assets.contracts.table import Table
from olist_assets.orchestration.dagster_storage import FAILED, WARNED, Evaluated, LastRun, last_runs, latest_checks, parents
from olist_assets.errors import OlistError
from olist_assets.settings import Settings
from olist_assets.lakehouse.time_travel import schema_versions

FAILING, WARNING, NEVER_MADE, STALE, HEALTHY = "failing", "warning", "never made", "stale", "healthy"
# What to look at first.
STATUSES = (FAILING, WARNING, NEVER_MADE, STALE, HEALTHY)
NO_RUN = LastRun(None, None, None, has_failed=False)


@dataclass(frozen=True)
class Stored:
    """A table as its Delta log has it; `error` is why it cannot be opened, and then the figures are zero."""

    version: int = 0
    rows: int = 0
    nulls: int = 0
    """In its required columns."""
    bytes: int = 0
    files: int = 0
    last_day: date | None = None
    """The last day with rows, where it has days."""
    schema_version: int = 0
    schema_since: int = 0
    """The Delta version that changed its columns last."""
    error: str | None = None


@dataclass(frozen=True)
class TableHealth:
    """A table with its verdict and the reasons for it; `stored` is None where it was never made."""

    name: str
    status: str
    reasons: tuple[str, ...]
    stored: Stored | None
    run: LastRun
    checks: tuple[Evaluated, ...]

    @property
    def contract(self) -> Table:
        return tables()[self.name]

    @property
    def duplicates(self) -> int | None:
        """Rows whose key another row has, by the last evaluation of the key's check; None where there is none."""
        if not self.contract.key:
            return None
        name = key_check(self.contract.key).name
        return next((check.figures.get("offending_rows") for check in self.checks if check.check == name), None)


def stored(settings: Settings, contract: Table) -> Stored | None:
    """None where the table was never made."""
    try:
        table = lakehouse.open_table(settings, contract.name)
    except lakehouse.TableMissing:
        return None
    except OlistError as error:
        return Stored(error=str(error))
    figures, schemas = lakehouse.statistics(table), schema_versions(settings, contract.name)
    bounds = lakehouse.day_bounds(table, contract.cluster_by) if contract.cluster_by else None
    return Stored(
        version=table.version(),
        rows=figures["rows"],
        nulls=sum(figures["nulls"].get(column.name, 0) for column in contract.required),
        bytes=figures["bytes"],
        files=figures["files"],
        last_day=bounds[1] if bounds else None,
        schema_version=len(schemas),
        schema_since=schemas[-1] if schemas else 0,
    )


def health(dagster: dg.DagsterInstance, settings: Settings) -> list[TableHealth]:
    """Every table, those to look at first on top; otherwise in the layers' order."""
    runs, evaluated = last_runs(dagster, [*tables(), *models()]), latest_checks(dagster)
    made_at = {name: run.made_at for name, run in runs.items()}
    found = []
    for name, contract in tables().items():
        checks = tuple(check for check in evaluated if check.table == name)
        run, at = runs.get(name, NO_RUN), stored(settings, contract)
        newer = newer_parents(name, made_at)
        status, reasons = verdict(at, run, checks, newer)
        found.append(TableHealth(name, status, reasons, at, run, checks))
    return sorted(found, key=lambda table: STATUSES.index(table.status))


def newer_parents(name: str, made_at: dict[str, datetime | None]) -> list[str]:
    """The tables and models it is made from that were made after it."""
    own = made_at.get(name)
    if own is None:
        return []
    return [parent for parent in parents(name) if (at := made_at.get(parent)) and at > own]


def verdict(
    at: Stored | None, run: LastRun, checks: Sequence[Evaluated], newer: list[str]
) -> tuple[str, tuple[str, ...]]:
    """The status and what speaks for it, the worst first."""
    reasons: dict[str, list[str]] = {status: [] for status in STATUSES}
    if at and at.error:
        reasons[FAILING].append(at.error)
    if run.has_failed:
        reasons[FAILING].append("the last run that was to make it did not")
    reasons[FAILING] += [f"{check.check} failed" for check in checks if check.outcome == FAILED]
    reasons[WARNING] += [f"{check.check} warns" for check in checks if check.outcome == WARNED]
    passed_over = [check for check in checks if check.was_passed_over]
    if passed_over:
        reasons[WARNING].append(f"{len(passed_over)} checks were passed over when last asked for")
    if at is None:
        reasons[NEVER_MADE].append("it was never made")
    if newer:
        reasons[STALE].append(f"made before what it reads: {', '.join(newer)}")
    worst = next((status for status in STATUSES if reasons[status]), HEALTHY)
    return worst, tuple(reason for status in STATUSES for reason in reasons[status])
