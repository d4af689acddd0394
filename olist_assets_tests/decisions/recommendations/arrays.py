"""Sales and purchases as arrays: a test names orders, products and days, the rest has one value."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from olist_assets.decisions.recommendations.sales import CategoryPurchases, Sales

Item = tuple[int, int, int, int, int]
"""Order, product, seller, price in hundredths of BRL, and day of an item."""


def sales(items: Sequence[Item], categories: Sequence[int]) -> Sales:
    """Items in the order of purchase, and the category of each product of the catalogue."""
    columns = np.array(items, np.int64).reshape(-1, 5).T
    order, product, seller, cents, day = columns
    ids = pa.chunked_array([pa.array([f"p{number}" for number in range(len(categories))])])
    return Sales(ids, np.array(categories, np.int64), product, order, seller, cents, day)


def purchases(rows: Sequence[tuple[int, int, int, int]]) -> CategoryPurchases:
    """Customer, order, category and day of each order's categories, in the order of purchase."""
    customer, order, category, day = np.array(rows, np.int64).reshape(-1, 4).T
    return CategoryPurchases(
        pa.chunked_array([pa.array([f"c{number}" for number in range(customer.max(initial=-1) + 1)])]),
        pa.chunked_array([pa.array([f"k{number}" for number in range(category.max(initial=-1) + 1)])]),
        customer,
        order,
        category,
        day,
    )
