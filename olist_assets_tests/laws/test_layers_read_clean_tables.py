"""Gold and ml read no bronze, neither in their functions nor in the SQL of their contracts."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from olist_assets.catalog import catalog
from olist_assets.contracts.rules import RowCount

CATALOG = catalog()
BRONZE = tuple(name for name, table in CATALOG.tables.items() if table.layer == "bronze")
READERS = [name for name in CATALOG.functions if CATALOG.layer_of(name) in ("gold", "ml")]


def texts(part: Any) -> Iterator[str]:
    """All texts of a contract, at any depth."""
    if isinstance(part, str):
        yield part
    elif is_dataclass(part):
        for member in fields(part):
            yield from texts(getattr(part, member.name))
    elif isinstance(part, tuple):
        for member in part:
            yield from texts(member)


def bronze_tables_in(contract: Any) -> set[str]:
    return {name for text in texts(contract) for name in BRONZE if name in text}


@pytest.mark.parametrize("name", READERS)
def test_no_parent_is_a_bronze_table(name):
    assert not set(CATALOG.parents(name)) & set(BRONZE)


@pytest.mark.parametrize("name", [name for name in READERS if name in CATALOG.tables])
def test_no_text_of_a_contract_names_a_bronze_table(name):
    assert bronze_tables_in(CATALOG.tables[name]) == set()


def test_a_bronze_table_is_found_wherever_a_contract_names_it():
    assert len(READERS) > 10
    assert bronze_tables_in((RowCount("all", "SELECT count(*) FROM bronze_orders", ""),)) == {"bronze_orders"}
    assert bronze_tables_in(CATALOG.tables["silver_purchases"].accounting) == {"bronze_orders"}


def test_foreign_keys_point_at_no_bronze_table():
    keys = [key for table in CATALOG.tables.values() for key in table.foreign_keys]
    assert keys
    assert not {key.to_table for key in keys} & set(BRONZE)
