"""Which columns of its upstream tables each column of a table is computed from.

What counts: the values that a column's own expression is computed from, conditions of a CASE among them. What only
decides which rows there are, or which row a value is taken from, does not: filters, join and grouping keys, order,
windows. That is what OpenLineage calls DIRECT, and of the INDIRECT its CONDITIONAL. A column that counts rows, or comes
from the clock, the calendar or a model's version, has no upstream column. Bronze columns are those of the source file.

`column_lineage.json` beside this module is derived from Spark's query plans by `make docs`; a test compares them.
"""

import json
from functools import cache
from pathlib import Path

import dagster as dg

FILE = Path(__file__).with_suffix(".json")
Lineage = dict[str, dict[str, list[tuple[str, str]]]]


@cache
def column_lineage() -> Lineage:
    """Table -> column -> its [(upstream table, upstream column)], in the contracts' order; bronze tables have none."""
    read = json.loads(FILE.read_text())
    return {
        table: {column: [(name, field) for name, field in origins] for column, origins in columns.items()}
        for table, columns in read.items()
    }


def catalogue_metadata(table: str) -> dict[str, dg.TableColumnLineage]:
    """Dagster's standard metadata of a table's lineage; nothing for a table without upstream tables."""
    columns = column_lineage().get(table)
    if columns is None:
        return {}
    deps = {name: [dg.TableColumnDep(*origin) for origin in origins] for name, origins in columns.items() if origins}
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)}
