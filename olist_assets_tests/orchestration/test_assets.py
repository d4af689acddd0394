"""A marked function as a Dagster asset: what Dagster knows of it, and what the function receives in a run."""

from typing import Any, cast

import dagster as dg
import pytest
from pydantic import BaseModel, Field

from olist_assets.catalog import catalog
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.column_lineage import column_lineage
from olist_assets.contracts.marks import Resource, contract_of, model_asset, promotion_asset, table_asset
from olist_assets.contracts.model import Model, Promotion
from olist_assets.contracts.table import Column, Table
from olist_assets.ml.champions import FUNCTIONS as CHAMPIONS
from olist_assets.ml.churn_model import CHURN_MODEL, ForestConfig
from olist_assets.orchestration.assets import OWNERS, asset_of, daily_partitions
from olist_assets.orchestration.code_version import code_version
from olist_assets.silver.silver_orders import SILVER_ORDERS, silver_orders

DAYS = daily_partitions(PUBLISHED)
NOTHING = dg.In(dg.Nothing).dagster_type


def spec_of(name: str) -> dg.AssetSpec:
    """The specification of an asset of the catalog."""
    (spec,) = asset_of(catalog().functions[name], DAYS).specs
    return spec


def required_resources(asset: dg.AssetsDefinition) -> set[str]:
    return set(asset.required_resource_keys)


def test_partitions_are_the_days_of_the_calendar_with_its_last():
    keys = DAYS.get_partition_keys()
    assert (len(keys), keys[0], keys[-1]) == (774, "2016-09-04", "2018-10-17")


def test_a_daily_table():
    asset = asset_of(silver_orders, DAYS)
    spec = spec_of("silver_orders")
    assert asset.keys == {dg.AssetKey("silver_orders")}
    assert {dep.asset_key for dep in spec.deps} == {dg.AssetKey("bronze_orders"), dg.AssetKey("silver_customers")}
    assert (asset.partitions_def, asset.backfill_policy) == (DAYS, dg.BackfillPolicy.single_run())
    assert asset.op.pool == "silver_orders"
    assert list(spec.owners) == OWNERS
    assert spec.code_version == code_version(silver_orders, SILVER_ORDERS)
    assert (spec.group_name, spec.kinds) == ("silver", {"pyspark", "deltalake"})
    assert asset.get_io_manager_key_for_asset_key(asset.key) == "io_manager"
    assert spec.description == f"{SILVER_ORDERS.description}\n\n**Grain:** {SILVER_ORDERS.grain}"
    assert (spec.metadata["grain"], spec.metadata["key"]) == (SILVER_ORDERS.grain, "order_id")


def test_the_column_schema_and_lineage_are_those_of_the_contract():
    metadata = spec_of("silver_orders").metadata
    columns = metadata["dagster/column_schema"].columns
    assert [(c.name, c.type, c.description, c.constraints.nullable) for c in columns] == [
        (c.name, c.type, c.description, c.nullable) for c in SILVER_ORDERS.columns
    ]
    assert {c.name: c.tags for c in columns if c.tags} == {"customer_id": {"pii": "hash"}}
    lineage = {
        name: [(dep.asset_key.to_user_string(), dep.column_name) for dep in deps]
        for name, deps in metadata["dagster/column_lineage"].deps_by_column.items()
    }
    origins = column_lineage()["silver_orders"]
    assert lineage == {name: [tuple(origin) for origin in found] for name, found in origins.items() if found}
    assert lineage
    assert "dagster/column_lineage" not in spec_of("bronze_orders").metadata


def test_a_table_without_days_has_no_partitions():
    asset = asset_of(catalog().functions["gold_segment_profiles"], DAYS)
    assert (asset.partitions_def, asset.backfill_policy) == (None, None)


def test_a_table_of_history_has_its_own_io_manager():
    asset = asset_of(catalog().functions["monitoring_tables"], DAYS)
    assert asset.get_io_manager_key_for_asset_key(asset.key) == "history_io_manager"
    assert asset.group_names_by_key[asset.key] == "monitoring"


def test_a_model():
    asset, spec = asset_of(catalog().functions["churn_model"], DAYS), spec_of("churn_model")
    assert {dep.asset_key for dep in spec.deps} == {dg.AssetKey("gold_customer_metrics")}
    assert (asset.partitions_def, asset.backfill_policy) == (None, None)
    assert (asset.op.pool, list(spec.owners)) == ("churn_model", OWNERS)
    assert (spec.group_name, spec.kinds) == ("ml", {"pyspark", "mlflow"})
    assert spec.description == CHURN_MODEL.description
    assert asset.get_io_manager_key_for_asset_key(asset.key) == "models"
    assert spec.code_version == code_version(catalog().functions["churn_model"], CHURN_MODEL)
    # Of the steps that wait, trainings go first.
    assert asset.op.tags["dagster/priority"] == "1"
    assert "mlflow" in required_resources(asset)
    assert "config" not in required_resources(asset)


def test_a_promotion():
    champion = next(function for function in CHAMPIONS if function.__name__ == "churn_model_champion")
    asset, spec = asset_of(champion, DAYS), spec_of("churn_model_champion")
    assert asset.key == dg.AssetKey("churn_model_champion")
    # It runs after the training, whose version it does not load.
    assert {dep.asset_key for dep in spec.deps} == {dg.AssetKey("churn_model")}
    assert list(asset.op.ins) == ["churn_model"]
    assert asset.op.ins["churn_model"].dagster_type is NOTHING
    assert (asset.op.pool, list(spec.owners)) == ("churn_model_champion", OWNERS)
    assert (spec.group_name, spec.kinds) == ("ml", {"mlflow"})
    assert spec.description == champion.__doc__
    assert "churn_model" in str(spec.description)
    assert asset.get_io_manager_key_for_asset_key(asset.key) == "models"
    assert "dagster/priority" not in asset.op.tags
    contract = contract_of(champion)
    assert isinstance(contract, Promotion)
    assert spec.code_version == code_version(champion, contract)
    assert "warehouse" in required_resources(asset)


def test_a_function_without_a_contract_is_refused():
    with pytest.raises(AssertionError, match="has no contract"):
        asset_of(lambda: None, DAYS)


TABLE = Table(name="gold_small", grain="g", key=("a",), columns=(Column("a", "string", "A."),))


class Limits(BaseModel):
    """Limits of a run."""

    most: int = Field(default=3, ge=1, description="At most so many.")
    names: list[str] = Field(default_factory=list)

    def has_room(self, count: int) -> bool:
        return count < self.most


class Clock:
    """A resource that is no Dagster object."""


def executed(function, **arguments: Any) -> dg.ExecuteInProcessResult:
    """A run of the asset of a marked function, over an upstream table."""

    @dg.asset
    def upstream() -> str:
        return "the upstream table"

    resources = {"io_manager": dg.mem_io_manager, "models": dg.mem_io_manager, "clock": Clock()}
    return dg.materialize([upstream, asset_of(function, DAYS)], resources=resources, **arguments)


def test_the_function_receives_the_runs_config_as_the_pydantic_model_its_resources_and_its_upstream_tables():
    received: list[tuple] = []

    @table_asset(TABLE)
    def gold_small(clock: Resource[Clock], upstream: str, config: Limits) -> str:
        received.append((clock, upstream, config))
        return "rows"

    config = {"ops": {"gold_small": {"config": {"most": 7, "names": ["a", "b"]}}}}
    assert executed(gold_small, run_config=config).output_for_node("gold_small") == "rows"
    executed(gold_small)
    (clock, upstream, given), (_, _, default) = received
    assert isinstance(clock, Clock)
    assert upstream == "the upstream table"
    assert isinstance(given, Limits)
    assert (given.most, given.names, given.has_room(6), given.has_room(7)) == (7, ["a", "b"], True, False)
    assert (default.most, default.names) == (3, [])


def test_a_config_that_the_model_refuses_stops_the_run():
    @table_asset(TABLE)
    def gold_small(config: Limits) -> str:
        raise AssertionError("started")

    with pytest.raises(Exception, match="greater than or equal to 1"):
        executed(gold_small, run_config={"ops": {"gold_small": {"config": {"most": 0}}}})
    with pytest.raises(dg.DagsterInvalidConfigError, match="unknown_limit"):
        executed(gold_small, run_config={"ops": {"gold_small": {"config": {"unknown_limit": 1}}}})


def test_a_trainings_config_has_the_fields_descriptions_and_defaults_of_its_model():
    asset = asset_of(catalog().functions["churn_model"], DAYS)
    fields = cast(Any, asset.op.config_schema.config_type).fields
    assert {name: (field.description, field.default_value) for name, field in fields.items()} == {
        name: (field.description, field.default) for name, field in ForestConfig.model_fields.items()
    }


def test_a_table_runs_after_a_model_that_it_does_not_load():
    order: list[str] = []
    model = Model(name="small_model", description="d", metric="m")

    @model_asset(model)
    def small_model(upstream: str) -> str:
        order.append("small_model")
        return "a model"

    @promotion_asset(Promotion(model))
    def small_model_champion() -> str:
        order.append("small_model_champion")
        return "a champion"

    @table_asset(TABLE, after=(Promotion(model),))
    def gold_small() -> str:
        order.append("gold_small")
        return "rows"

    @dg.asset
    def upstream() -> str:
        return "the upstream table"

    assets = [asset_of(function, DAYS) for function in (gold_small, small_model_champion, small_model)]
    resources = {"io_manager": dg.mem_io_manager, "models": dg.mem_io_manager}
    assert dg.materialize([upstream, *assets], resources=resources).success
    assert order == ["small_model", "small_model_champion", "gold_small"]


def test_the_marked_function_stays_a_plain_function():
    @table_asset(TABLE)
    def gold_small(upstream: str, config: Limits) -> str:
        return f"{upstream} {config.most}"

    asset_of(gold_small, DAYS)
    assert gold_small("rows", Limits(most=2)) == "rows 2"
