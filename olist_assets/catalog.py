"""Every table and model of the platform, found by walking the layers: the next table costs one file."""

import pkgutil
from functools import cache
from importlib import import_module
from typing import TypeVar

import dagster as dg

from olist_assets.contracts.model import Model
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError

T = TypeVar("T")
LAYERS = ("bronze", "silver", "gold", "ml")


@cache
def modules() -> tuple[object, ...]:
    names = [
        f"{layer.__name__}.{found.name}"
        for layer in (import_module(f"olist_assets.{name}") for name in LAYERS)
        for found in pkgutil.iter_modules(layer.__path__)
    ]
    return tuple(import_module(name) for name in names)


def _of_type(kind: type[T]) -> list[T]:
    found = (value for module in modules() for value in vars(module).values())
    flat = (item for value in found for item in (value if type(value) is tuple else (value,)))
    return list({id(item): item for item in flat if isinstance(item, kind)}.values())


@cache
def tables() -> dict[str, Table]:
    """All contracts by name, in the layers' order."""
    return {table.name: table for table in _of_type(Table)}


@cache
def all_tables() -> dict[str, Table]:
    """The tables, and those that monitoring keeps: what can be asked."""
    beside = import_module("olist_assets.monitoring.definitions").MONITORING
    return tables() | {table.name: table for table in beside}


@cache
def models() -> dict[str, Model]:
    """The contracts of all trained models by name."""
    return {model.name: model for model in _of_type(Model)}


@cache
def assets() -> tuple[dg.AssetsDefinition, ...]:
    return tuple(_of_type(dg.AssetsDefinition))


def table(name: str) -> Table:
    """The contract of a table. Raises OlistError naming those there are."""
    try:
        return all_tables()[name]
    except KeyError:
        raise OlistError(f"There is no table {name!r}. Tables: {', '.join(sorted(all_tables()))}.") from None


def layer_of(name: str) -> str:
    """The layer of a table: its folder in the warehouse."""
    return tables()[name].layer if name in tables() else name.split("_", 1)[0]
