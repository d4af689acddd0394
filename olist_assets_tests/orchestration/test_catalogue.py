"""A contract as a Dagster asset: what the catalogue in Dagster's UI shows of it."""

from typing import Any

import dagster as dg

from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.table import Column, Table
from olist_assets.orchestration.assets import OWNERS, asset_of, daily_partitions

GOLD_SMALL = Table(
    name="gold_small",
    grain="One row per thing.",
    key=("thing",),
    columns=(
        Column("thing", "string", "What isn't known.", pii="hash"),
        Column("price", "decimal(10,2)", "Its price.", nullable=True, unit="BRL"),
    ),
    description="Things with their prices.",
)


@table_asset(GOLD_SMALL)
def gold_small(bronze_orders: Any):
    return bronze_orders


def spec() -> dg.AssetSpec:
    (found,) = asset_of(gold_small, daily_partitions(PUBLISHED)).specs
    return found


def test_the_catalogue_shows_description_grain_layer_and_owners():
    assert (spec().key.to_user_string(), spec().group_name, list(spec().owners)) == ("gold_small", "gold", OWNERS)
    assert spec().description == "Things with their prices.\n\n**Grain:** One row per thing."
    assert (spec().metadata["grain"], spec().metadata["key"]) == ("One row per thing.", "thing")
    assert [dep.asset_key.to_user_string() for dep in spec().deps] == ["bronze_orders"]


def test_the_catalogue_shows_columns_with_types_nullability_units_and_marks_of_personal_data():
    columns = spec().metadata["dagster/column_schema"].columns
    assert [(c.name, c.type, c.constraints.nullable, c.description, dict(c.tags)) for c in columns] == [
        ("thing", "string", False, "What isn't known.", {"pii": "hash"}),
        ("price", "decimal(10,2)", True, "Its price. [BRL]", {}),
    ]
