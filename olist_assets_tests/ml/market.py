"""Silver tables of a small market, as Arrow rows and in a warehouse, for the tables of recommendations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa

from olist_assets.contracts.table import Table
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_products import SILVER_PRODUCTS
from olist_assets.silver.silver_purchases import SILVER_PURCHASES
from olist_assets_tests.rows import arrow_rows, store


@dataclass(frozen=True)
class Order:
    """An order of products at these prices; each product has the seller and category that its name begins with."""

    day: date
    products: Sequence[str]
    customer: str = "nobody in particular"
    state: str = "SP"
    price: str = "10.00"


def category_of(product: str) -> str:
    return product.split("-")[0]


def rows_of(orders: Sequence[Order], more_products: Sequence[str] = ()) -> dict[Table, list[dict]]:
    """The rows of the silver tables that recommendations read."""
    products = sorted({*more_products, *(product for order in orders for product in order.products)})
    items, purchases, customers = [], [], []
    for number, order in enumerate(orders):
        order_id, at = f"order {number:05}", datetime.combine(order.day, time(12), UTC)
        purchases.append(
            {"order_id": order_id, "customer_id": f"customer of {order_id}", "order_date": order.day}
            | {"order_purchase_timestamp": at}
        )
        customers.append(
            {"customer_id": f"customer of {order_id}", "customer_unique_id": order.customer}
            | {"customer_state": order.state}
        )
        items += [
            {"order_id": order_id, "order_item_id": place, "product_id": product, "price": Decimal(order.price)}
            | {"seller_id": category_of(product), "product_category_name_english": category_of(product)}
            for place, product in enumerate(order.products, start=1)
        ]
    catalogue = [{"product_id": one, "product_category_name_english": category_of(one)} for one in products]
    return {
        SILVER_ORDER_ITEMS: items,
        SILVER_PURCHASES: purchases,
        SILVER_CUSTOMERS: customers,
        SILVER_PRODUCTS: catalogue,
    }


def arrow_tables(orders: Sequence[Order], more_products: Sequence[str] = ()) -> dict[str, pa.Table]:
    """The silver tables by name."""
    return {table.name: arrow_rows(table, *rows) for table, rows in rows_of(orders, more_products).items()}


def store_market(warehouse: Warehouse, orders: Sequence[Order]) -> None:
    """Write the silver tables into a warehouse."""
    for table, rows in rows_of(orders).items():
        store(warehouse, table, *rows)


def pairs(months: Sequence[date], orders_per_month: int = 60) -> list[Order]:
    """Months whose orders have a product of `left` and the product of `right` that belongs to it, never another one.

    Each customer comes in each month, and orders the same again; popular is what belongs to nobody else.
    """
    return [
        Order(month.replace(day=1 + number % 28), (f"left-{number}", f"right{number}-1"), customer=f"c{number}")
        for month in months
        for number in range(orders_per_month)
    ]
