"""Which columns of its upstream tables each column of a table is computed from.

Included are the columns that a column's own expression is computed from, with the conditions of a CASE. Excluded are
those that only decide which rows exist or which row a value is taken from: filters, join and grouping keys, order,
windows. In OpenLineage's terms these are the DIRECT transformations and, of the INDIRECT ones, CONDITIONAL. A column
that counts rows, or comes from the clock, the calendar or a model's version, has no upstream column. Bronze columns
come from their file.

`column_lineage.json` beside this module is derived from Spark's query plans by `make docs`; a test compares them. A
function over Arrow rows has no plan: its contract declares the lineage (`Column.made_from`).
"""

import json
from functools import cache
from pathlib import Path

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
