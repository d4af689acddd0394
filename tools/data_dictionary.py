"""Writes `docs/data-dictionary.md` from the contracts: every table with its columns, their origins, and its checks."""

from collections.abc import Iterable
from pathlib import Path

from olist_assets.catalog import LAYERS, catalog
from olist_assets.checks.kinds import checks_of
from olist_assets.checks.spec import Check
from olist_assets.contracts.column_lineage import column_lineage
from olist_assets.contracts.table import Column, Table
from olist_assets.definitions import MORE_CHECKS

FILE = Path(__file__).resolve().parents[1] / "docs" / "data-dictionary.md"
# For a column with more origins than this, only the number of columns per table is given.
MAX_ORIGINS = 4
# Tables that are not computed from other tables.
OTHER_ORIGINS = {
    "bronze_order_events": "the messages of the Kafka topic",
    "gold_ml_evaluation": "MLflow",
    "monitoring_durations": "Dagster's event log, the audit log",
    "monitoring_incidents": "Dagster's event log, the audit log, `olist incidents`",
    "monitoring_profiles": "the tables whose contracts have profiles",
    "monitoring_stream": "the merges of order events",
    "monitoring_tables": "the tables' Delta logs",
}
INTRODUCTION = """# Data dictionary

Generated from the contracts by `make docs`: change the contracts, not this page.

- **Type**: `?` marks a column that may be null.
- **Computed from**: the columns from whose values the column is computed ([column lineage](lineage.md)). It is empty
  for a column that counts rows, and for one that comes from the calendar, the clock or a model's version.
- *Personal data* is [masked](governance.md) as stated: replaced by a hash (`hash`), cut to its first digits (`cut`) or
  removed (`remove`).
- **Checks**: a check in bold blocks the tables downstream when it fails. The other checks warn.
"""


def dictionary() -> str:
    """The text of the page."""
    return "\n".join([INTRODUCTION, *_contents(), *(_section(table) for table in catalog().tables.values())])


def _contents() -> Iterable[str]:
    for layer in LAYERS:
        names = (f"[{table.name}](#{table.name})" for table in catalog().tables.values() if table.layer == layer)
        yield f"- {layer}: {', '.join(names)}"
    yield ""


def _section(table: Table) -> str:
    columns = (f"| {' | '.join(_row(table, column))} |" for column in table.columns)
    checks = (f"- {_name(check.name, check.blocking)}: {check.description}" for check in _checks(table))
    return "\n".join(
        [
            f"## {table.name}",
            "",
            f"{table.description} {table.grain}",
            "",
            f"- Key: {', '.join(f'`{name}`' for name in table.key) or 'none'}",
            f"- Partitions: {f'one per day of `{table.day}`' if table.day else 'none'}",
            "",
            "| Column | Type | Description | Values, unit | Computed from |",
            "| --- | --- | --- | --- | --- |",
            *columns,
            "",
            "Checks:",
            "",
            *checks,
            "",
        ]
    )


def _checks(table: Table) -> list[Check]:
    return [*checks_of(table, catalog().tables), *MORE_CHECKS.get(table.name, list)()]


def _name(check: str, blocking: bool) -> str:
    return f"**{check}**" if blocking else check


def _row(table: Table, column: Column) -> tuple[str, ...]:
    kind = f"{column.type}{'?' if column.nullable else ''}"
    meaning = f"{column.comment} *Personal data: {column.pii}.*" if column.pii else column.comment
    return (f"`{column.name}`", kind, meaning, _values(column), _origin(table, column))


def _values(column: Column) -> str:
    if column.accepted:
        return ", ".join(f"`{value}`" for value in column.accepted)
    low, high = (_number(bound) for bound in (column.minimum, column.maximum))
    limits = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
    return f"{limits} {column.unit or ''}".strip()


def _number(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"


def _origin(table: Table, column: Column) -> str:
    if table.source:
        file = f"`{table.source.name}`, or order events"
        return file if column.name in table.source.columns else "the reading of the file or the events"
    if table.name in OTHER_ORIGINS:
        return OTHER_ORIGINS[table.name]
    origins = column_lineage()[table.name][column.name]
    if len(origins) > MAX_ORIGINS:
        per_table = {name: sum(of == name for of, _ in origins) for name, _ in origins}
        return ", ".join(f"{count} columns of `{name}`" for name, count in per_table.items())
    return ", ".join(f"`{name}.{field}`" for name, field in origins)


def main() -> None:
    FILE.write_text(dictionary())


if __name__ == "__main__":
    main()
