"""The SQL files of the package: found by name, described, and over tables and columns that exist."""

import pytest

from olist_assets.errors import OlistError
from olist_assets.lakehouse.packaged_queries import packaged_query, query_files
from olist_assets.lakehouse.sql import query_rows, tables_named
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.rows import store

QUERIES = query_files()


def test_there_are_eight_queries_by_name():
    names = [path.stem for path in QUERIES]
    assert len(names) == 8
    assert names == sorted(names)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_is_found_by_its_name_and_begins_with_its_description(path):
    text = packaged_query(path.stem)
    assert text == path.read_text()
    title, grain, first = text.splitlines()[:3]
    assert title.startswith("-- ")
    assert grain.startswith("-- One row per ")
    assert not first.startswith("--")


@pytest.mark.parametrize("name", ["nothing", "kpis.sql", "../queries/kpis", ""])
def test_an_unknown_query_is_refused_with_the_known_ones(name):
    with pytest.raises(OlistError, match=r"no packaged query .*Queries: churn_risk, cohort_retention, .*kpis"):
        packaged_query(name)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_names_only_tables_and_columns_of_contracts(warehouse: Warehouse, path):
    tables = warehouse.catalog.tables
    named = tables_named(path.read_text(), tables)
    assert named
    for name in named:
        store(warehouse, tables[name], {})
    with warehouse.sql(warehouse.existing_tables()) as con:
        result = query_rows(con, path.read_text(), tables)
    assert result is not None
    assert result.num_columns >= 3
