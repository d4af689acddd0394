"""The platform as one object for everything that a person does: settings, warehouse, calendar, graph and engine."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
from dagster import AssetSelection

from olist_assets.catalog import catalog
from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.source_files import SOURCES
from olist_assets.definitions import build_defs
from olist_assets.engine.choice import engine_of
from olist_assets.engine.engine import Engine
from olist_assets.errors import OlistError
from olist_assets.lakehouse.feeds import fed_table
from olist_assets.lakehouse.order_days import calendar as known_calendar
from olist_assets.lakehouse.order_days import source_days, stored_calendar
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.dagster_storage import AssetGraph
from olist_assets.orchestration.instance import instance
from olist_assets.settings import Settings
from olist_assets.source.files import source_folder


@dataclass(frozen=True)
class Platform:
    """Constructed at the edge from settings; `days` overrides the known days of the daily tables."""

    settings: Settings
    days: Calendar | None = None

    @cached_property
    def catalog(self) -> Catalog:
        return catalog()

    @cached_property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings, self.catalog)

    @cached_property
    def calendar(self) -> Calendar:
        """The days of the daily tables; before the first snapshot of the orders those of the source, if readable."""
        if self.days:
            return self.days
        if self.settings.days or stored_calendar(self.warehouse):
            return known_calendar(self.warehouse)
        try:
            return self.source_calendar()
        except OlistError:
            return known_calendar(self.warehouse)

    def source_calendar(self) -> Calendar:
        """The days of the orders file, or of the orders that events feed. Raises OlistError if it cannot be read."""
        return source_days(self.warehouse)

    def with_source_days(self) -> "Platform":
        """The same platform with the days of the source as it is now, unless the settings name the days."""
        if self.settings.days or not self._has_orders():
            return self
        return Platform(self.settings, self.source_calendar())

    def _has_orders(self) -> bool:
        """Whether there is a source of orders, even one that cannot be read."""
        if fed_table(self.warehouse, self.catalog.orders.name):
            return True
        return (source_folder(self.settings) / SOURCES["orders"].name).is_file()

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_defs(self.settings, self.calendar)

    @cached_property
    def graph(self) -> AssetGraph:
        """The assets and checks with their dependencies."""
        return self.definitions.resolve_asset_graph()

    @cached_property
    def engine(self) -> Engine:
        return engine_of(self.settings)

    def instance(self) -> AbstractContextManager[dg.DagsterInstance]:
        """Dagster's storage, opened."""
        return instance(self.settings)

    def names_of(self, selection: AssetSelection) -> set[str]:
        """Names of the selected assets."""
        return {key.to_user_string() for key in selection.resolve(self.graph)}
