"""Small tables, written without Spark, that the checks of silver tables read."""

from datetime import date

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets_tests.rows import store


@pytest.fixture
def orders(warehouse: Warehouse, settings: Settings) -> Warehouse:
    """Valid bronze_customers, bronze_orders and no rejects, as of the day of the orders; a test adds silver_orders."""
    store(warehouse, BRONZE["customers"], {"customer_id": "c"})
    store(warehouse, BRONZE["orders"], {"order_id": "a"}, {"order_id": "b", "order_status": "canceled"})
    store(warehouse, SILVER_REJECTS)
    return Warehouse(settings.model_copy(update={"as_of": date(2018, 1, 1)}), warehouse.catalog)
