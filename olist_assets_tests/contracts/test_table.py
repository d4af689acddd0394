"""Contracts are data: the DDL of a table, and the properties that every contract of the platform has."""

import re

from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.table import Column, Table

SMALL = Table(
    name="gold_small",
    grain="One row per thing.",
    key=("thing",),
    columns=(
        Column("thing", "string", "What isn't known."),
        Column("price", "decimal(10,2)", "Its price.", nullable=True, unit="BRL", is_volatile=True),
    ),
)


def test_ddl_has_types_nullability_and_escaped_comments_with_units():
    assert SMALL.ddl() == (
        r"`thing` STRING NOT NULL COMMENT 'What isn\'t known.', `price` DECIMAL(10,2) COMMENT 'Its price. [BRL]'"
    )


def test_columns_are_selected_by_their_properties():
    assert [column.name for column in SMALL.required] == ["thing"]
    assert SMALL.volatile == ("price",)
    assert SMALL.column("price").unit == "BRL"


def test_the_layer_is_the_first_word_of_the_name_unless_it_is_stated():
    assert SMALL.layer == "gold"
    assert Table("gold_scores", "One row per thing.", (), (), in_layer="ml").layer == "ml"


def test_every_table_has_a_grain_a_description_and_a_comment_on_each_column(tables: Catalog):
    for contract in tables.tables.values():
        assert contract.grain.startswith("One row per "), contract.name
        assert contract.description.endswith("."), contract.name
        assert all(len(column.comment) > 3 for column in contract.columns), contract.name
        assert len(set(contract.column_names)) == len(contract.columns), contract.name


def test_every_key_consists_of_required_columns_that_exist(tables: Catalog):
    for contract in tables.tables.values():
        assert set(contract.key) <= {column.name for column in contract.required}, contract.name


def test_every_day_is_a_required_column_of_dates(tables: Catalog):
    daily = [contract for contract in tables.tables.values() if contract.day]
    assert daily
    for contract in daily:
        assert (contract.column(str(contract.day)).type, contract.column(str(contract.day)).nullable) == ("date", False)


def test_foreign_keys_and_queries_name_tables_and_columns_that_exist(tables: Catalog):
    for contract in tables.tables.values():
        for foreign in contract.foreign_keys:
            assert foreign.column in contract.column_names
            assert foreign.to_column in tables.table(foreign.to_table).column_names
        queries = [count.sql for count in contract.row_counts] + [rule.offending for rule in contract.rules]
        queries += [query for pair in contract.reconciliations for query in (pair.left, pair.right)]
        for query in queries:
            assert set(re.findall(r"\b(?:bronze|silver|gold)_\w+", query)) <= set(tables.tables), query
