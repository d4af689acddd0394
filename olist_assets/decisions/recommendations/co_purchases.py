"""Pairs of products in one order, counted per order: a product that is in it twice counts once."""

from dataclasses import dataclass

import numpy as np

from olist_assets.decisions.recommendations.sales import Bools, Floats, Ints, Sales

# Pairs grow with the square of the products of an order. More than this is a retailer's stock, not a taste; the
# largest order of the published dataset has eight.
MAX_PRODUCTS = 50


@dataclass(frozen=True)
class Pairs:
    """Ordered pairs of different products in one order, one element per order and pair."""

    order: Ints
    product: Ints
    other: Ints
    size: Ints
    """Number of different products in the order."""


@dataclass(frozen=True)
class CoPurchases:
    """Pairs of products over all orders, one element per ordered pair, sorted by product."""

    product: Ints
    other: Ints
    orders: Ints
    weight: Floats
    """Sum of 1 / size over the orders: the more products an order has, the less one pair of it says."""


def pairs_of(sales: Sales, chosen: Bools) -> Pairs:
    """The ordered pairs in orders of two to MAX_PRODUCTS products, of the chosen items."""
    keys = np.unique(sales.order[chosen] * sales.products + sales.product[chosen])
    order, product = keys // max(sales.products, 1), keys % max(sales.products, 1)
    first, end = np.searchsorted(order, order), np.searchsorted(order, order, side="right")
    size = end - first
    partners = np.where((size > 1) & (size <= MAX_PRODUCTS), size, 0)
    left = np.repeat(np.arange(len(order)), partners)
    place = np.arange(len(left)) - np.repeat(np.cumsum(partners) - partners, partners)
    right = first[left] + place
    different = left != right
    left, right = left[different], right[different]
    return Pairs(order[left], product[left], product[right], size[left])


def co_purchases(pairs: Pairs, products: int) -> CoPurchases:
    """The pairs added up over orders, whose sums are taken in the order of the orders' ids."""
    keys, place, orders = np.unique(pairs.product * products + pairs.other, return_inverse=True, return_counts=True)
    return CoPurchases(
        product=keys // max(products, 1),
        other=keys % max(products, 1),
        orders=orders,
        weight=np.bincount(place, 1 / pairs.size, len(keys)).astype(np.float64),
    )
