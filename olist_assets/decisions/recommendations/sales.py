"""Items sold as arrays: what recommendations are learned from.

Products, orders, sellers, customers and categories are numbers from 0 in the order of their ids, so that ties are
broken by id. Days are days since 1970-01-01, as Arrow stores dates.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from olist_assets.contracts.quoting import literal
from olist_assets.contracts.source_values import UNKNOWN_CATEGORY
from olist_assets.lakehouse.arrow_sql import query

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CATALOGUE = """
    SELECT product_id, dense_rank() OVER (ORDER BY product_category_name_english) - 1 AS category
    FROM silver_products ORDER BY product_id
"""
SALES = """
    SELECT product, dense_rank() OVER (ORDER BY order_id) - 1 AS "order",
        dense_rank() OVER (ORDER BY seller_id) - 1 AS seller,
        (price * 100)::BIGINT AS cents, order_date - DATE '1970-01-01' AS day
    FROM silver_order_items
    JOIN silver_purchases USING (order_id)
    JOIN (SELECT product_id, row_number() OVER (ORDER BY product_id) - 1 AS product FROM catalogue) USING (product_id)
    ORDER BY order_purchase_timestamp, order_id, order_item_id
"""
CATEGORY_PURCHASES = f"""
    SELECT dense_rank() OVER (ORDER BY customer_unique_id) - 1 AS customer, customer_unique_id,
        dense_rank() OVER (ORDER BY order_date, order_purchase_timestamp, order_id) - 1 AS "order",
        dense_rank() OVER (ORDER BY product_category_name_english) - 1 AS category, product_category_name_english,
        order_date - DATE '1970-01-01' AS day
    FROM (
        SELECT order_id, product_category_name_english, min(order_item_id) AS order_item_id
        FROM silver_order_items WHERE product_category_name_english <> {literal(UNKNOWN_CATEGORY)} GROUP BY ALL
    )
    JOIN silver_purchases USING (order_id)
    JOIN silver_customers USING (customer_id)
    ORDER BY "order", order_item_id DESC, category
"""


@dataclass(frozen=True)
class Sales:
    """Items in the order of purchase, one element per item, and the catalogue, one element per product.

    Orders of any status count: whoever cancels an order has chosen its products all the same.
    """

    product_ids: pa.ChunkedArray
    """Ids of the catalogue's products, sorted: a product's number is its place."""
    category: Ints
    """Number of the category of each product of the catalogue."""
    product: Ints
    order: Ints
    seller: Ints
    cents: Ints
    """Price of the item in hundredths of BRL, without freight."""
    day: Ints

    @property
    def products(self) -> int:
        """Number of products in the catalogue."""
        return len(self.category)

    @property
    def first(self) -> int:
        """The day of the first sale; 0 without sales."""
        return int(self.day.min()) if len(self.day) else 0

    @property
    def end(self) -> int:
        """The day after the last sale; 0 without sales."""
        return int(self.day.max()) + 1 if len(self.day) else 0


@dataclass(frozen=True)
class CategoryPurchases:
    """Categories of orders, one element per order and category, in the order of purchase.

    Of one order the first item's category comes last, so that the later element is always the one to prefer.
    """

    customer_ids: pa.ChunkedArray
    """Sorted: a customer's number is the place of the id."""
    category_names: pa.ChunkedArray
    """Sorted: a category's number is the place of the name."""
    customer: Ints
    order: Ints
    category: Ints
    day: Ints

    @property
    def end(self) -> int:
        """The day after the last purchase; 0 without purchases."""
        return int(self.day.max()) + 1 if len(self.day) else 0


def sales_of(silver_order_items: pa.Table, silver_purchases: pa.Table, silver_products: pa.Table) -> Sales:
    """The items of products of the catalogue whose orders are known."""
    catalogue = query(CATALOGUE, silver_products=silver_products)
    rows = query(SALES, silver_order_items=silver_order_items, silver_purchases=silver_purchases, catalogue=catalogue)
    return Sales(
        product_ids=catalogue["product_id"],
        category=integers(catalogue, "category"),
        **{name: integers(rows, name) for name in ("product", "order", "seller", "cents", "day")},
    )


def category_purchases_of(
    silver_order_items: pa.Table, silver_purchases: pa.Table, silver_customers: pa.Table
) -> CategoryPurchases:
    """The categories of each order; a product without one gives none."""
    rows = query(
        CATEGORY_PURCHASES,
        silver_order_items=silver_order_items,
        silver_purchases=silver_purchases,
        silver_customers=silver_customers,
    )
    return CategoryPurchases(
        customer_ids=distinct(rows, "customer_unique_id"),
        category_names=distinct(rows, "product_category_name_english"),
        **{name: integers(rows, name) for name in ("customer", "order", "category", "day")},
    )


def integers(rows: pa.Table, name: str) -> Ints:
    """A column of whole numbers without nulls."""
    column: Any = rows[name].to_numpy()
    return column.astype(np.int64)


def names_of(names: pa.Array | pa.ChunkedArray, numbers: Ints) -> pa.Array | pa.ChunkedArray:
    """The names, or ids, that are at these places."""
    return names.take(pa.array(numbers))


def distinct(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """The different values of a column, sorted."""
    return query(f"SELECT DISTINCT {name} FROM purchases ORDER BY {name}", purchases=rows)[name]
