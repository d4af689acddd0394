"""Law 1: key = table = function = module, and group = layer = folder."""

import dagster as dg
import pytest

from olist_assets.catalog import LAYERS, catalog
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.marks import contract_of
from olist_assets.orchestration.assets import asset_of, daily_partitions

FUNCTIONS = catalog().functions
# Nine tables follow one rule, and so do three champions: a factory in one module makes their functions.
FACTORIES = {"bronze": "snapshots", "champion": "champions"}
each_asset = pytest.mark.parametrize("name", FUNCTIONS)


def module_of(name: str) -> str:
    """The module that has the function of an asset."""
    is_champion = name in catalog().promotions
    return FACTORIES.get("champion" if is_champion else catalog().layer_of(name), name)


@each_asset
def test_key_table_function_and_module_have_one_name(name):
    function, contract = FUNCTIONS[name], contract_of(FUNCTIONS[name])
    assert contract is not None
    assert (contract.name, function.__name__, function.__qualname__) == (name, name, name)
    assert asset_of(function, daily_partitions(PUBLISHED)).key == dg.AssetKey([name])
    assert function.__module__ == f"olist_assets.{catalog().layer_of(name)}.{module_of(name)}"


@each_asset
def test_group_layer_and_folder_have_one_name(name, warehouse):
    layer = catalog().layer_of(name)
    (group,) = asset_of(FUNCTIONS[name], daily_partitions(PUBLISHED)).group_names_by_key.values()
    assert group == layer
    assert name in {function.__name__ for function in LAYERS[layer]}
    assert warehouse.path(name) == warehouse.root / layer / name
