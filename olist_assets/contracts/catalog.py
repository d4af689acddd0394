"""All contracts and functions of the platform as one value, which rooms below `catalog.py` are given."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from olist_assets.contracts.marks import RESOURCE, contract_of, runs_after
from olist_assets.contracts.model import Model, Promotion
from olist_assets.contracts.table import LAYERS, Table
from olist_assets.errors import OlistError


@dataclass(frozen=True)
class Catalog:
    """Tables, models, promotions and the functions that make them, by name, in the layers' order (monitoring last)."""

    tables: Mapping[str, Table]
    models: Mapping[str, Model]
    promotions: Mapping[str, Promotion]
    functions: Mapping[str, Callable[..., Any]]

    @classmethod
    def of(cls, functions: list[Callable[..., Any]]) -> "Catalog":
        """The catalog of marked functions."""
        contracts = {contract.name: contract for function in functions if (contract := contract_of(function))}
        by_name = dict(zip(contracts, functions, strict=True))
        tables = {name: contract for name, contract in contracts.items() if isinstance(contract, Table)}
        models = {name: contract for name, contract in contracts.items() if isinstance(contract, Model)}
        promotions = {name: contract for name, contract in contracts.items() if isinstance(contract, Promotion)}
        return cls(tables, models, promotions, by_name)

    @property
    def business_tables(self) -> dict[str, Table]:
        """The tables that are made from the source: all but those of monitoring."""
        return {name: table for name, table in self.tables.items() if table.layer in LAYERS}

    @property
    def daily_tables(self) -> tuple[str, ...]:
        """Names of the tables that are partitioned by day."""
        return tuple(name for name, table in self.tables.items() if table.day)

    @property
    def orders(self) -> Table:
        """The snapshot of the orders, whose days are the partitions of the daily tables."""
        return next(table for table in self.tables.values() if table.source_day)

    def table(self, name: str) -> Table:
        """The contract of a table. Raises OlistError with the known names."""
        try:
            return self.tables[name]
        except KeyError:
            raise OlistError(f"There is no table {name!r}. Tables: {', '.join(sorted(self.tables))}.") from None

    def layer_of(self, name: str) -> str:
        """The layer of a table, model or champion, which is its folder in the warehouse; else the name's first word."""
        if name in self.models or name in self.promotions:
            return "ml"
        return self.tables[name].layer if name in self.tables else name.split("_", 1)[0]

    def parents(self, name: str) -> tuple[str, ...]:
        """The tables, models and champions that an asset is made from, sorted by name."""
        function = self.functions[name]
        return tuple(sorted({*upstream_parameters(function), *runs_after(function)}))

    def ancestors(self, name: str) -> set[str]:
        """Everything that an asset is made from, directly or not."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = {*self.parents(waiting.pop())} - found
            found |= new
            waiting += new
        return found


def upstream_parameters(function: Callable[..., Any]) -> list[str]:
    """Names of a marked function's parameters that are upstream tables or champions."""
    return [p.name for p in inspect.signature(function).parameters.values() if not (is_resource(p) or is_config(p))]


def resource_parameters(function: Callable[..., Any]) -> list[str]:
    """Names of a marked function's parameters that are resources."""
    return [p.name for p in inspect.signature(function).parameters.values() if is_resource(p)]


def is_resource(parameter: inspect.Parameter) -> bool:
    """Whether a parameter's type is `Resource[...]`."""
    return get_origin(parameter.annotation) is not None and RESOURCE in get_args(parameter.annotation)[1:]


def is_config(parameter: inspect.Parameter) -> bool:
    """Whether a parameter's type is a pydantic model: the configuration of a run."""
    return isinstance(parameter.annotation, type) and issubclass(parameter.annotation, BaseModel)
