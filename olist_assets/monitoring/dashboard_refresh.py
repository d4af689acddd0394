"""dashboard_refresh: runs the dashboard's queries and logs the duration of each, failed ones too, in the audit log."""

import time

import dagster as dg
import duckdb

from olist_assets.errors import OlistError
from olist_assets.governance import audit_log
from olist_assets.governance.audit_text import described_error
from olist_assets.lakehouse.packaged_queries import query_files
from olist_assets.lakehouse.sql import tables_named
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.assets import OWNERS
from olist_assets.redaction import without_values

ACTION = "refresh"


@dg.asset(group_name="monitoring", kinds={"duckdb"}, owners=OWNERS, pool="dashboard_refresh")
def dashboard_refresh(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
    """Run every packaged query; one that fails does not prevent the others."""
    seconds, failures = {}, {}
    for path in query_files():
        started, query = time.monotonic(), path.read_text()
        named = tables_named(query, warehouse.catalog.business_tables)
        problem = _problem_of(warehouse, query, named)
        seconds[path.stem] = round(time.monotonic() - started, 3)
        failures |= {path.stem: _shown(problem)} if problem else {}
        audit_log.record(
            warehouse, ACTION, named, statement=f"queries/{path.name}", seconds=seconds[path.stem],
            error=described_error(problem) if problem else None,
        )  # fmt: skip
    if failures:
        reasons = "; ".join(f"{name}: {error}" for name, error in failures.items())
        raise OlistError(f"{len(failures)} of {len(seconds)} dashboard queries failed. {reasons}")
    return dg.MaterializeResult(metadata={"queries": len(seconds), "seconds": seconds})


def _problem_of(warehouse: Warehouse, query: str, named: tuple[str, ...]) -> Exception | None:
    """The reason why a query over these tables fails; None if it succeeds."""
    try:
        with warehouse.sql({name: warehouse.open(name) for name in named}) as con:
            con.execute(query).fetchall()
    except (OlistError, duckdb.Error) as error:
        return error
    return None


def _shown(problem: Exception) -> str:
    """The first line of an error; DuckDB's may quote values of rows."""
    text = str(problem)
    return without_values(text) if isinstance(problem, duckdb.Error) else text.split("\n", 1)[0]
