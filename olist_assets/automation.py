"""What is materialized without a person: see `automated` and `orders_changed`."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.catalog import Catalog
from olist_assets.lakehouse.warehouse import Warehouse


def automated(assets: Iterable[Any], catalog: Catalog) -> list[Any]:  # noqa: ARG001
    return list(assets)


def automation_sensors(warehouse: Warehouse, calendar: Calendar) -> list[dg.SensorDefinition]:  # noqa: ARG001
    return []
