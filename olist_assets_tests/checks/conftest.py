"""Small tables, written without Spark, that the checks of silver tables read."""

from datetime import date

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_purchases import SILVER_PURCHASES
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets_tests.rows import store

ORDERS = ({"order_id": "a", "order_status": "delivered"}, {"order_id": "b", "order_status": "canceled"})


@pytest.fixture
def orders(warehouse: Warehouse, settings: Settings) -> Warehouse:
    """What the checks of silver_orders read, as of the day of the orders: valid rows and no rejects."""
    store(warehouse, SILVER_CUSTOMERS, {"customer_id": "c"})
    store(warehouse, BRONZE["orders"], *ORDERS)
    store(warehouse, SILVER_PURCHASES, *ORDERS)
    store(warehouse, SILVER_REJECTS)
    return Warehouse(settings.model_copy(update={"as_of": date(2018, 1, 1)}), warehouse.catalog)
