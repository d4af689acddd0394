"""The data dictionary is generated from the contracts, and complete."""

from olist_assets.contracts.catalog import Catalog
from tools.data_dictionary import FILE, dictionary


def test_the_page_agrees_with_the_contracts():
    assert FILE.read_text() == dictionary(), f"{FILE.name} is out of date: run make docs"


def test_every_table_and_column_is_described(tables: Catalog):
    page = dictionary()
    for table in tables.tables.values():
        section = page.split(f"## {table.name}\n")[1].split("\n## ")[0]
        assert table.grain in section
        assert all(f"| `{column.name}` | {column.type}" in section for column in table.columns)


def test_no_origin_is_missing(tables: Catalog):
    """A column of a table without upstream tables names where it comes from all the same."""
    page = dictionary()
    for name in ("bronze_orders", "gold_ml_evaluation", "monitoring_tables"):
        section = page.split(f"## {name}\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert len(rows) == len(tables.table(name).columns)
        assert not [row for row in rows if row.endswith("|  |")]
