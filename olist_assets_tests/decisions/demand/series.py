"""Demand for tests: given as units per day of products, each with a category and a state."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from olist_assets.decisions.demand.units import Demand, demand
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_purchases import SILVER_PURCHASES
from olist_assets_tests.rows import arrow_rows

MONDAY = date(2018, 1, 1)
Products = dict[tuple[str, str, str], np.ndarray]


def tables(products: Products) -> dict[str, pa.Table]:
    """The silver tables of these units; the key of a product is its name, category and state. One order per unit."""
    items, purchases, customers = [], [], []
    for (product, category, state), units in products.items():
        for day, count in enumerate(units):
            for number in range(int(count)):
                order = f"{product}-{day}-{number}"
                items.append({"order_id": order, "product_id": product, "product_category_name_english": category})
                purchases.append({"order_id": order, "customer_id": order, "order_date": MONDAY + timedelta(days=day)})
                customers.append({"customer_id": order, "customer_state": state})
    return {
        "silver_order_items": arrow_rows(SILVER_ORDER_ITEMS, *items),
        "silver_purchases": arrow_rows(SILVER_PURCHASES, *purchases),
        "silver_customers": arrow_rows(SILVER_CUSTOMERS, *customers),
    }


def made(products: Products) -> Demand:
    return demand(**tables(products))


def poisson(mean: np.ndarray | float, days: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, days)


def noisy(days: int, series: int = 6) -> Products:
    """Series with a weekend that sells half, around a constant level."""
    factor = np.resize([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5], days)
    return {
        (f"p{at}", f"c{at % 3}", ("SP", "RJ")[at % 2]): poisson((4 + at) * factor, days, seed=at)
        for at in range(series)
    }
