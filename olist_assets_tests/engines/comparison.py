"""How two finished warehouses differ: in the rows and types of their tables, and in the results of their checks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from olist_assets.contracts.quoting import identifier
from olist_assets.lakehouse.schemas import shape
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.platform import Platform
from olist_assets.orchestration.dagster_storage import latest_checks
from olist_assets_tests.oracle.compare import delta_rows

EXAMPLES = 3
TIME_OF_COMMIT = "newest_commit"
CheckResult = tuple[str, Mapping[str, Any]]
"""The outcome of a check and its metadata."""


@dataclass(frozen=True)
class Comparison:
    """The rows on the first side, and the differences, one line each."""

    rows: int
    differences: list[str]


def compared(name: str, one: Warehouse, other: Warehouse, where: str = "true") -> Comparison:
    """The types and rows of a table in both warehouses, in any order, without its volatile columns."""
    tables = [each.open(name) for each in (one, other)]
    types = [f"{name}: {shape(table)}" for table in tables]
    volatile = list(one.catalog.table(name).volatile)
    first, second = (delta_rows(table).drop_columns(volatile) for table in tables)
    rows = compared_rows(first, second, where)
    return Comparison(rows.rows, (types if types[0] != types[1] else []) + rows.differences)


def compared_rows(one: pa.Table, other: pa.Table, where: str = "true") -> Comparison:
    """Rows with the same columns, in any order; each counts as often as it occurs."""
    chosen = ", ".join(map(exact, one.schema))
    sides = {"first": f"SELECT {chosen} FROM one WHERE {where}", "second": f"SELECT {chosen} FROM other WHERE {where}"}
    with duckdb.connect() as con:
        con.register("one", one)
        con.register("other", other)
        ((rows,),) = con.execute(f"SELECT count(*) FROM ({sides['first']})").fetchall()
        lines = [
            f"only in the {side}: {row}"
            for side, against in (("first", "second"), ("second", "first"))
            for row in con.execute(f"({sides[side]}) EXCEPT ALL ({sides[against]}) LIMIT {EXAMPLES}").fetchall()
        ]
    return Comparison(rows, lines)


def exact(field: pa.Field) -> str:
    """A column as it is compared: of a double also the sign of zero counts."""
    name = identifier(field.name)
    return f"{name}::VARCHAR" if pa.types.is_floating(field.type) else name


def check_results(platform: Platform, names: Iterable[str]) -> dict[tuple[str, str], CheckResult]:
    """The last result of each check of these tables and models, from Dagster's storage, without times of commits."""
    wanted = set(names)
    with platform.instance() as storage:
        found = latest_checks(storage, platform.graph)
    return {
        (each.table, each.check): (each.outcome, {n: v for n, v in each.metadata.items() if n != TIME_OF_COMMIT})
        for each in found
        if each.table in wanted
    }
