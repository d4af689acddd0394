"""The data dictionary is what the contracts say."""

from olist_assets.catalog import tables
from tools.data_dictionary import FILE, dictionary


def test_the_page_is_what_the_contracts_say():
    assert FILE.read_text() == dictionary(), f"{FILE.name} is out of date: run make docs"


def test_every_table_and_column_is_in_it():
    page = dictionary()
    for table in tables().values():
        section = page.split(f"## {table.name}\n")[1].split("\n## ")[0]
        assert table.grain in section
        assert all(f"| `{column.name}` | {column.type}" in section for column in table.columns)
