"""A contract and its function as a Dagster asset: partitions, backfill policy, pool, owners and code version."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import BaseModel

from olist_assets.contracts.calendar import Calendar, Days
from olist_assets.contracts.catalog import is_config, is_resource
from olist_assets.contracts.column_lineage import column_lineage
from olist_assets.contracts.marks import contract_of, runs_after
from olist_assets.contracts.model import Model, Promotion
from olist_assets.contracts.table import Column, Table
from olist_assets.orchestration.code_version import code_version

OWNERS = ["team:analytics-engineering"]
# Spans of days that are requested at once: beyond that, a longer span costs less than another run.
MAX_RUNS = 10


def daily_partitions(calendar: Calendar) -> dg.DailyPartitionsDefinition:
    """One partition per day of the calendar; Dagster's end is exclusive."""
    return dg.DailyPartitionsDefinition(start_date=str(calendar.first), end_date=str(calendar.last + timedelta(days=1)))


def range_tags(days: Days) -> dict[str, str]:
    """The tags of a run of a span of days."""
    return {"dagster/asset_partition_range_start": str(days[0]), "dagster/asset_partition_range_end": str(days[1])}


def asset_of(function: Callable[..., Any], days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of a marked function; `days` are the partitions of a daily table."""
    contract = contract_of(function)
    assert contract is not None, f"{function} has no contract"
    is_daily = isinstance(contract, Table) and contract.day is not None
    asset = dg.asset(
        key=contract.name,
        deps=list(runs_after(function)),
        partitions_def=days if is_daily else None,
        # A range of days is one run, and one commit per table.
        backfill_policy=dg.BackfillPolicy.single_run() if is_daily else None,
        owners=OWNERS,
        # Runs that write the same table wait for each other: see dagster.yaml.
        pool=contract.name,
        code_version=code_version(function, contract),
        **(_table_args(contract) if isinstance(contract, Table) else _model_args(contract, function)),
    )
    return asset(_dagster_function(function))  # pyright: ignore[reportReturnType]  # an asset of a function


def _table_args(table: Table) -> dict[str, Any]:
    columns = dg.TableSchema(columns=[_table_column(column) for column in table.columns])
    return {
        "group_name": table.layer,
        "kinds": set(table.kinds),
        "io_manager_key": "history_io_manager" if table.is_history or table.is_derived else "io_manager",
        "description": f"{table.description}\n\n**Grain:** {table.grain}".strip(),
        "metadata": {
            "grain": table.grain,
            "key": ", ".join(table.key) or "none",
            "dagster/column_schema": columns,
            **_lineage_metadata(table.name),
        },
    }


def _model_args(contract: Model | Promotion, function: Callable[..., Any]) -> dict[str, Any]:
    model = contract.model if isinstance(contract, Promotion) else contract
    is_training = isinstance(contract, Model)
    return {
        "group_name": "ml",
        "kinds": set(model.kinds) if is_training else {"mlflow"},
        # A training is the longest of the steps that wait at the same time, and tables wait for it: it goes first.
        "op_tags": {"dagster/priority": "1"} if is_training else {},
        "description": model.description if is_training else function.__doc__,
        "io_manager_key": "models",
    }


def _table_column(column: Column) -> dg.TableColumn:
    return dg.TableColumn(
        name=column.name,
        type=column.type,
        description=column.description,
        constraints=dg.TableColumnConstraints(nullable=column.nullable),
        tags={"pii": column.pii} if column.pii else {},
    )


def _lineage_metadata(table: str) -> dict[str, dg.TableColumnLineage]:
    """Dagster's standard metadata of a table's column lineage; none for a table without upstream tables."""
    columns = column_lineage().get(table)
    if columns is None:
        return {}
    deps = {name: [dg.TableColumnDep(*origin) for origin in origins] for name, origins in columns.items() if origins}
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)}


def _dagster_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the parameter types that Dagster knows for configuration and resources."""
    signature = inspect.signature(function)
    parameters = [p.replace(annotation=_dagster_type(p)) for p in signature.parameters.values()]

    @wraps(function)
    def compute(**arguments: Any) -> Any:
        return function(**arguments)

    # No return type: Dagster would check each frame against it.
    new_signature = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    compute.__signature__ = new_signature  # pyright: ignore[reportAttributeAccessIssue]  # inspect's own protocol
    compute.__annotations__ = {p.name: p.annotation for p in parameters}
    del compute.__wrapped__
    return compute


def _dagster_type(parameter: inspect.Parameter) -> Any:
    if is_config(parameter):
        return _dagster_config(parameter.annotation)
    if is_resource(parameter):
        return dg.ResourceParam[Any]
    # The IO manager reads from it how to load the table.
    return pa.Table if parameter.annotation is pa.Table else Any


def _dagster_config(model: type[BaseModel]) -> type[dg.Config]:
    """A pydantic model as the schema of a run's configuration; its values still are instances of the model."""
    return type(model.__name__, (dg.Config, model), {"__doc__": model.__doc__, "__module__": model.__module__})
