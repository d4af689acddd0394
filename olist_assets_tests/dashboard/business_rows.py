"""The small warehouse of the Business page's tests: rows by table, and how they are written."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from olist_assets.lakehouse.warehouse import Warehouse

LAST = date(2018, 8, 29)
STATES, CATEGORIES = ("SP", "RJ", "AM"), ("toys", "health_beauty")
ARROW_TYPES = {
    "string": pa.string(), "int": pa.int32(), "double": pa.float64(), "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"), "array<string>": pa.list_(pa.string()),
}  # fmt: skip


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
    """Write the rows of each table with all columns of its contract; columns that the rows lack are null."""
    for name in names:
        schema = _schema(warehouse, name)
        path = warehouse.path(name)
        if not path.exists():
            DeltaTable.create(str(path), schema)
        write_deltalake(str(path), pa.Table.from_pylist(TABLES[name](), schema), mode="overwrite")


def _schema(warehouse: Warehouse, name: str) -> pa.Schema:
    return pa.schema([(column.name, _arrow_type(column.type)) for column in warehouse.catalog.table(name).columns])


def _arrow_type(name: str) -> pa.DataType:
    if name in ARROW_TYPES:
        return ARROW_TYPES[name]
    digits, scale = name.removeprefix("decimal(").removesuffix(")").split(",")
    return pa.decimal128(int(digits), int(scale))
