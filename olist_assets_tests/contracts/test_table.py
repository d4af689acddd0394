"""Contracts are data: what they say of a table, and that every table of the platform is described whole."""

import re

import pytest

from olist_assets.catalog import assets, models, table, tables
from olist_assets.contracts.table import Column, Table
from olist_assets.errors import OlistError

SMALL = Table(
    name="gold_small",
    grain="One row per thing.",
    key=("thing",),
    columns=(
        Column("thing", "string", "What isn't known."),
        Column("price", "decimal(10,2)", "Its price.", nullable=True, unit="BRL"),
    ),
)


def test_ddl_has_types_nullability_and_escaped_comments_with_units():
    assert SMALL.ddl() == (
        r"`thing` STRING NOT NULL COMMENT 'What isn\'t known.', `price` DECIMAL(10,2) COMMENT 'Its price. [BRL]'"
    )


def test_the_catalogue_shows_grain_columns_and_owners():
    shown = SMALL.asset_args()
    assert (shown["key"], shown["group_name"]) == ("gold_small", "gold")
    assert "One row per thing." in shown["description"]
    schema = shown["metadata"]["dagster/column_schema"]
    assert [(c.name, c.type, c.constraints.nullable) for c in schema.columns] == [
        ("thing", "string", False),
        ("price", "decimal(10,2)", True),
    ]


def test_every_table_has_grain_description_owners_and_a_comment_a_column():
    for contract in tables().values():
        assert contract.grain.startswith("One row per ")
        assert contract.description.endswith(".")
        assert all(len(column.comment) > 3 for column in contract.columns), contract.name
        assert set(contract.key) <= set(contract.column_names)
        assert not any(contract.column(name).nullable for name in contract.key)


def test_foreign_keys_and_queries_name_tables_and_columns_that_exist():
    for contract in tables().values():
        for foreign in contract.foreign_keys:
            assert foreign.column in contract.column_names
            assert foreign.to_column in table(foreign.to_table).column_names
        queries = [count.sql for count in contract.row_counts]
        queries += [query for pair in contract.reconciliations for query in (pair.left, pair.right)]
        for query in queries:
            assert set(re.findall(r"\b(?:bronze|silver|gold)_\w+", query)) <= set(tables())


def test_every_contract_has_its_asset_and_every_asset_its_contract():
    assert {key.to_user_string() for made in assets() for key in made.keys} == {*tables(), *models()}


def test_an_unknown_table_is_refused_with_those_there_are():
    with pytest.raises(OlistError, match=r"no table 'gold_nothing'.*gold_daily_metrics"):
        table("gold_nothing")
