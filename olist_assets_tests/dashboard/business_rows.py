"""The small warehouse of the Business page's tests: rows by table, and how they are written."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.rows import store

LAST = date(2018, 8, 29)
STATES, CATEGORIES = ("SP", "RJ", "AM"), ("toys", "health_beauty")


def orders() -> list[dict]:
    """400 days with two orders each; every third order has no review, every fourth is late, every third is from SP."""
    return [
        {
            "order_id": f"o{n}",
            "order_date": LAST - timedelta(days=n // 2),
            "customer_unique_id": f"c{n % 500}",
            "customer_state": STATES[n % 3],
            "customer_city": f"city {n % 6}",
            "delivery_days": 5 + n % 7,
            "delivery_delay": 2 if n % 4 == 0 else -5,
            "avg_review_score": None if n % 3 == 0 else 1.0 + n % 5,
            "order_total_value": Decimal(100 + n),
        }
        for n in range(800)
    ]


def items() -> list[dict]:
    return [
        {
            "order_id": f"o{n}",
            "order_item_id": 1,
            "product_category_name_english": CATEGORIES[n % 2],
            "price": Decimal(90 + n),
        }
        for n in range(800)
    ]


def customers() -> list[dict]:
    return [
        {
            "customer_unique_id": f"c{n}",
            "customer_state": STATES[n % 3],
            "customer_segment": "Champions" if n % 2 else "No Delivered Orders",
            "recency_score": 5 if n % 2 else None,
            "frequency_score": 4 if n % 2 else None,
            "monetary_score": 4 if n % 2 else None,
            "rfm_score": 13 if n % 2 else None,
            "monetary_value": Decimal(n),
            "clv_12_months": Decimal(n),
        }
        for n in range(500)
    ]


def predictions() -> list[dict]:
    return [
        {"customer_unique_id": f"c{n}", "churn_risk_category": "High Risk", "churn_percentile": 0.1} for n in range(500)
    ]


def cities() -> list[dict]:
    return [
        {"customer_state": state, "customer_city": f"city {n}", "latitude": -20.0 - n, "longitude": -45.0 - n}
        for n in range(6)
        for state in STATES
    ]


TABLES: dict[str, Callable[[], list[dict]]] = {
    "silver_orders_master": orders,
    "silver_order_items": items,
    "gold_customer_metrics": customers,
    "gold_customer_churn_predictions": predictions,
    "gold_geographic_metrics": cities,
}


def write(warehouse: Warehouse, *names: str) -> None:
    """Write the rows of each table; the columns that they lack are null or have a valid value."""
    for name in names:
        store(warehouse, warehouse.catalog.table(name), *TABLES[name]())
