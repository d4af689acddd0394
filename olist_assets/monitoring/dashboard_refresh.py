"""dashboard_refresh: the dashboard's queries asked once, timed, and entered in the audit log, failed ones too."""

import time
from pathlib import Path

import dagster as dg
import duckdb

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import tables
from olist_assets.orchestration.assets import OWNERS
from olist_assets.errors import OlistError
from olist_assets.settings import Settings

QUERIES = Path(__file__).resolve().parents[2] / "queries"
ACTION = "refresh"


@dg.asset(group_name="monitoring", kinds={"duckdb"}, owners=OWNERS, pool="dashboard_refresh")
def dashboard_refresh() -> dg.MaterializeResult:
    """Ask every query in `queries/`; a query that fails does not keep the others from being asked."""
    settings = Settings()
    seconds, failures = {}, {}
    for path in sorted(QUERIES.glob("*.sql")):
        started, query = time.monotonic(), path.read_text()
        named = lakehouse.mentioned(query, tables())
        error = _error_of(settings, query, named)
        seconds[path.stem] = round(time.monotonic() - started, 3)
        if error:
            failures[path.stem] = error
        audit_log.record(
            settings,
            ACTION,
            named,
            statement=f"queries/{path.name}",
            seconds=seconds[path.stem],
            error=error,
        )
    if failures:
        told = "; ".join(f"{name}: {error}" for name, error in failures.items())
        raise OlistError(f"{len(failures)} of {len(seconds)} dashboard queries failed. {told}")
    return dg.MaterializeResult(metadata={"queries": len(seconds), "seconds": seconds})


def _error_of(settings: Settings, query: str, named: tuple[str, ...]) -> str | None:
    """Why a query over these tables does not answer; None if it does."""
    try:
        with lakehouse.connection({name: lakehouse.open_table(settings, name) for name in named}) as con:
            con.execute(query).fetchall()
    except (OlistError, duckdb.Error) as error:
        return str(error).splitlines()[0]
    return None
