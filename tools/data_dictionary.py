"""Writes `docs/data-dictionary.md` from the contracts: every table, its columns, where they come from, its checks."""

from collections.abc import Iterable
from pathlib import Path

from olist_assets.catalog import LAYERS, tables
from olist_assets.checks.kinds import checks_of
from olist_assets.contracts.column_lineage import column_lineage
from olist_assets.contracts.table import Column, Table

FILE = Path(__file__).resolve().parents[1] / "docs" / "data-dictionary.md"
# Of a column with more origins than this, the tables that they are in are named.
MOST_ORIGINS = 4
HEAD = """# Data dictionary

Made from the contracts by `make docs`: change those, not this page. `?` after a type: the column may be null. Where a
column comes from is [column lineage](lineage.md); a column that counts rows, or is of the calendar, the clock or a
model, comes from none. What is *personal* is [masked](governance.md) by a hash, a cut or removal. A check in **bold**
stops what would be made from the table; the others warn.
"""


def dictionary() -> str:
    """The page's text."""
    return "\n".join([HEAD, *_contents(), *(_section(table) for table in tables().values())])


def _contents() -> Iterable[str]:
    for layer in LAYERS:
        names = (f"[{table.name}](#{table.name})" for table in tables().values() if table.layer == layer)
        yield f"- {layer}: {', '.join(names)}"
    yield ""


def _section(table: Table) -> str:
    days = f" One partition a day of `{table.cluster_by}`." if table.cluster_by else ""
    columns = (f"| {' | '.join(_row(table, column))} |" for column in table.columns)
    checks = (f"- {_name(check.name, check.blocking)}: {check.description}" for check in checks_of(table))
    return "\n".join(
        [
            f"## {table.name}",
            "",
            f"{table.description} {table.grain}{days} Key: {', '.join(f'`{name}`' for name in table.key) or 'none'}.",
            "",
            "| column | type | what it is | values, unit | comes from |",
            "| --- | --- | --- | --- | --- |",
            *columns,
            "",
            *checks,
            "",
        ]
    )


def _name(check: str, blocking: bool) -> str:
    return f"**{check}**" if blocking else check


def _row(table: Table, column: Column) -> tuple[str, ...]:
    kind = f"{column.type}{'?' if column.nullable else ''}"
    meaning = f"{column.comment} *Personal: {column.pii}.*" if column.pii else column.comment
    return (f"`{column.name}`", kind, meaning, _values(column), _origin(table, column))


def _values(column: Column) -> str:
    if column.accepted:
        return ", ".join(f"`{value}`" for value in column.accepted)
    low, high = (_number(bound) for bound in (column.minimum, column.maximum))
    limits = f"{low} to {high}" if low and high else f"from {low}" if low else f"to {high}" if high else ""
    return f"{limits} {column.unit or ''}".strip()


def _number(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"


def _origin(table: Table, column: Column) -> str:
    if table.source:
        return f"`{table.source.name}`" if column.name in table.source.columns else "the reading of it"
    origins = column_lineage().get(table.name, {}).get(column.name)
    if origins is None:
        return "MLflow"
    if len(origins) > MOST_ORIGINS:
        per_table = {name: sum(of == name for of, _ in origins) for name, _ in origins}
        return ", ".join(f"{count} columns of {name}" for name, count in per_table.items())
    return ", ".join(f"`{name}.{field}`" for name, field in origins)


def main() -> None:
    FILE.write_text(dictionary())


if __name__ == "__main__":
    main()
