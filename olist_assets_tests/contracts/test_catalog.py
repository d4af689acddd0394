"""The catalog: contracts by name, what each asset is made from, and which parameters of a function mean what."""

from typing import Any

import pytest
from pydantic import BaseModel

from olist_assets.contracts.catalog import Catalog, resource_parameters, upstream_parameters
from olist_assets.contracts.marks import Resource, contract_of, model_asset, promotion_asset, table_asset
from olist_assets.contracts.model import Model, Promotion
from olist_assets.contracts.table import LAYERS, Table
from olist_assets.errors import OlistError

MODEL = Model("thing_model", "Scores things.", metric="auc")
PROMOTION = Promotion(MODEL)
ORDERS = Table("bronze_orders", "One row per order.", (), ())
DAILY = Table("gold_daily", "One row per day.", ("day",), (), day="day")
SCORES = Table("gold_scores", "One row per thing.", (), (), in_layer="ml")
TIMES = Table("monitoring_times", "One row per run.", (), ())


class Config(BaseModel):
    """The configuration of a run."""


@table_asset(ORDERS)
def bronze_orders(source: Resource[Any]):
    return source


@table_asset(DAILY)
def gold_daily(bronze_orders: Any, calendar: Resource[tuple[int, int]]):
    return bronze_orders, calendar


@model_asset(MODEL)
def thing_model(gold_daily: Any, config: Config, models: Resource[Any]):
    return gold_daily, config, models


@promotion_asset(PROMOTION)
def thing_model_champion(warehouse: Resource[Any]):
    return warehouse


@table_asset(SCORES, after=[PROMOTION])
def gold_scores(gold_daily: Any, bronze_orders: Any):
    return gold_daily, bronze_orders


@table_asset(TIMES)
def monitoring_times():
    return None


FUNCTIONS = [bronze_orders, gold_daily, thing_model, thing_model_champion, gold_scores, monitoring_times]
SMALL = Catalog.of(FUNCTIONS)


def test_contracts_are_kept_by_kind_and_name_in_the_given_order():
    assert list(SMALL.tables) == ["bronze_orders", "gold_daily", "gold_scores", "monitoring_times"]
    assert SMALL.models == {"thing_model": MODEL}
    assert SMALL.promotions == {"thing_model_champion": PROMOTION}
    assert list(SMALL.functions.values()) == FUNCTIONS


def test_parents_are_upstream_parameters_and_what_an_asset_runs_after():
    assert SMALL.parents("bronze_orders") == ()
    assert SMALL.parents("gold_daily") == ("bronze_orders",)
    assert SMALL.parents("thing_model") == ("gold_daily",)
    assert SMALL.parents("thing_model_champion") == ("thing_model",)
    assert SMALL.parents("gold_scores") == ("bronze_orders", "gold_daily", "thing_model_champion")


def test_resources_and_the_configuration_are_no_upstream_tables():
    assert upstream_parameters(thing_model) == ["gold_daily"]
    assert resource_parameters(thing_model) == ["models"]
    assert resource_parameters(gold_daily) == ["calendar"]
    assert resource_parameters(gold_scores) == []


def test_an_unknown_table_is_refused_with_the_known_ones():
    assert SMALL.table("gold_daily") is DAILY
    # A model has no columns: it is no table.
    for name in ("gold_nothing", "thing_model"):
        with pytest.raises(OlistError, match=f"no table '{name}'. Tables: bronze_orders, gold_daily, gold_scores"):
            SMALL.table(name)


def test_the_layer_is_that_of_the_contract_and_ml_for_models():
    names = ["gold_daily", "gold_scores", "thing_model", "thing_model_champion", "audit_log"]
    assert [SMALL.layer_of(name) for name in names] == ["gold", "ml", "ml", "ml", "audit"]


def test_business_tables_are_all_but_monitoring_and_daily_ones_have_a_day():
    assert list(SMALL.business_tables) == ["bronze_orders", "gold_daily", "gold_scores"]
    assert SMALL.daily_tables == ("gold_daily",)


@pytest.mark.parametrize("wrong", [lambda: None, gold_daily], ids=["without a contract", "twice"])
def test_every_function_has_a_contract_of_its_own(wrong):
    with pytest.raises(ValueError, match="zip"):
        Catalog.of([*FUNCTIONS, wrong])


def test_the_platforms_catalog_is_in_the_layers_order_with_monitoring_last(tables: Catalog):
    order = [*LAYERS, "streaming", "monitoring"]
    layers = [order.index(contract.layer) for contract in tables.tables.values()]
    assert layers == sorted(layers)
    assert set(layers) == set(range(len(order)))


def test_every_function_of_the_platform_has_the_name_of_its_contract_and_parents_that_exist(tables: Catalog):
    for name, function in tables.functions.items():
        contract = contract_of(function)
        assert contract is not None
        assert (contract.name, function.__name__) == (name, name)
        assert set(tables.parents(name)) <= set(tables.functions), name
