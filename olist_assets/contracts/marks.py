"""Marks that attach a contract to a plain function; `orchestration/assets.py` makes the Dagster asset of it.

    @table_asset(SILVER_ORDERS)
    def silver_orders(bronze_orders: DataFrame) -> DataFrame: ...

A parameter of type `Resource[...]` is a resource of that name, one of a pydantic model is the run's configuration, and
every other one is the upstream table, or champion of a model, of that name. A table comes as a `DataFrame` of the
engine, or as a `pyarrow.Table` for arithmetic that needs none; a function takes and returns one kind of them.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from olist_assets.contracts.model import Model, Promotion
from olist_assets.contracts.table import Table

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Contract = Table | Model | Promotion
RESOURCE = "resource"
Resource = Annotated[T, RESOURCE]
_CONTRACT, _AFTER = "__contract__", "__after__"


def table_asset(table: Table, after: Sequence[Model | Promotion] = ()) -> Callable[[F], F]:
    """Mark the function that computes a table; it also runs after the models `after`, which it does not load."""
    return _mark(table, tuple(model.name for model in after))


def model_asset(model: Model) -> Callable[[F], F]:
    """Mark the function that trains a model."""
    return _mark(model, ())


def promotion_asset(promotion: Promotion) -> Callable[[F], F]:
    """Mark the function that decides on a model's champion, after its training."""
    return _mark(promotion, (promotion.model.name,))


def _mark(contract: Contract, after: tuple[str, ...]) -> Callable[[F], F]:
    def attach(function: F) -> F:
        setattr(function, _CONTRACT, contract)
        setattr(function, _AFTER, after)
        return function

    return attach


def contract_of(function: Callable[..., Any]) -> Contract | None:
    """The contract that a function is marked with; None for any other object."""
    return getattr(function, _CONTRACT, None)


def runs_after(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of the assets that a marked function runs after without loading them."""
    return getattr(function, _AFTER)
