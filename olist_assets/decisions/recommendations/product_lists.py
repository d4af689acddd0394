"""Products to show beside a product: bought together, else alike, else popular.

The rule has four steps, and a list takes from the next one what the steps before did not fill:
1. products of the same orders, by co-purchases weighted by 1 / order size (item-to-item filtering, Linden, Smith and
   York 2003, doi:10.1109/MIC.2003.1167344);
2. products of the same seller and category, by likeness: min(p/q, q/p) * (1 + n) ** POPULARITY for the prices p and q
   and the n recent orders of the recommended product;
3. other products of the same seller, by the same likeness;
4. products of the category, by recent orders.
Ties go to the smaller product id. Only what was sold within SOLD_WITHIN_DAYS before the cutoff is recommended.
"""

from dataclasses import dataclass

import numpy as np

from olist_assets.decisions.recommendations.co_purchases import CoPurchases, co_purchases, pairs_of
from olist_assets.decisions.recommendations.ranking import NONE, at, first_distinct, of, slices
from olist_assets.decisions.recommendations.sales import Bools, Floats, Ints, Sales

LENGTH = 10
REASONS = ("bought_together", "same_seller_category", "seller", "category")
CATEGORY = REASONS.index("category")
SOLD_WITHIN_DAYS = 90
# Chosen on January to June 2018 among 0, 0.02, 0.05, 0.1, 0.2, 0.3 and 0.5.
POPULARITY = 0.2
# A list is filled by ten of the candidates, of which the product itself and nine may be in it already.
CANDIDATES = 2 * LENGTH
# Products whose lists are made at once: their candidates take about 100 MB.
MAX_ASKED = 20_000
# More than any price in cents: DECIMAL(10,2).
PRICES = 10**10


@dataclass(frozen=True)
class Lists:
    """Lists of LENGTH products, one row per asked product, NONE where a list is shorter."""

    product: Ints
    recommended: Ints
    reason: Ints
    """Place of the reason in REASONS."""
    score: Floats
    """Comparable within one reason: weight of co-purchases, likeness, or recent orders."""
    pairs_seen: Ints
    """Orders with both products."""
    price_ratio: Floats
    """Last price of the recommended product over that of the product itself; nan if that is not known."""


@dataclass(frozen=True)
class Candidates:
    """Ranked products for each asked one (rows x columns), with scores and the orders that had both."""

    product: Ints
    score: Floats
    pairs: Ints


@dataclass(frozen=True)
class Shelf:
    """What is known of the catalogue's products at a cutoff, from sales before it only."""

    sales: Sales
    seller: Ints
    """The seller of the last sale; NONE for a product that was never sold."""
    cents: Ints
    """The last price."""
    orders: Ints
    """Orders within SOLD_WITHIN_DAYS."""
    together: CoPurchases

    @property
    def current(self) -> Ints:
        """Products sold within SOLD_WITHIN_DAYS, which may be recommended."""
        return np.flatnonzero(self.orders)

    @property
    def was_sold(self) -> Bools:
        return self.seller != NONE


def shelf_at(sales: Sales, cutoff: int) -> Shelf:
    """The products as known at the beginning of a day."""
    before = sales.day < cutoff
    product = sales.product[before]
    seller, cents = np.full(sales.products, NONE), np.zeros(sales.products, np.int64)
    # Items are in the order of purchase, and of repeated places the last value is kept.
    seller[product], cents[product] = sales.seller[before], np.maximum(sales.cents[before], 1)
    recent = before & (sales.day >= cutoff - SOLD_WITHIN_DAYS)
    sold = np.unique(sales.order[recent] * sales.products + sales.product[recent]) % max(sales.products, 1)
    orders = np.bincount(sold, minlength=sales.products)
    return Shelf(sales, seller, cents, orders, co_purchases(pairs_of(sales, before), sales.products))


def product_lists(shelf: Shelf, asked: Ints) -> Lists:
    """The lists of these products by the rule."""
    seller = np.where(shelf.was_sold, shelf.seller, NONE)
    both = np.where(shelf.was_sold, seller * (shelf.sales.category.max(initial=0) + 1) + shelf.sales.category, NONE)
    steps = [bought_together(shelf, asked), alike(shelf, both, asked), alike(shelf, seller, asked)]
    return filled(shelf, asked, dict(enumerate([*steps, popular(shelf, shelf.sales.category, asked)])))


def parts(asked: Ints) -> list[Ints]:
    """The asked products in parts of MAX_ASKED, so that a large catalogue needs no more memory than a small one."""
    return np.split(asked, range(MAX_ASKED, len(asked), MAX_ASKED))


def category_lists(shelf: Shelf, asked: Ints) -> Lists:
    """The baseline: the popular products of each product's category."""
    return filled(shelf, asked, {CATEGORY: popular(shelf, shelf.sales.category, asked)})


def overall_lists(shelf: Shelf, asked: Ints) -> Lists:
    """The weaker baseline: the popular products of all categories, whatever the product."""
    return filled(shelf, asked, {CATEGORY: popular(shelf, np.zeros(shelf.sales.products, np.int64), asked)})


def bought_together(shelf: Shelf, asked: Ints) -> Candidates:
    """Current products of the same orders, by weight, then by recent orders, then by id."""
    pairs = shelf.together
    current = np.flatnonzero(shelf.orders[pairs.other] > 0)
    other, weight = pairs.other[current], pairs.weight[current]
    order = current[np.lexsort((other, -shelf.orders[other], -weight, pairs.product[current]))]
    places = of(order, slices(pairs.product[order], asked, LENGTH), NONE)
    return Candidates(of(pairs.other, places, NONE), of(pairs.weight, places, 0), of(pairs.orders, places, 0))


def alike(shelf: Shelf, group: Ints, asked: Ints) -> Candidates:
    """Current products of the same group, by likeness: of those nearest by price, CANDIDATES cheaper and dearer.

    `group` has a number for each product of the catalogue, NONE for one without a group.
    """
    current = shelf.current
    number = np.unique(group, return_inverse=True)[1]
    keys = number * PRICES + shelf.cents
    by_price = current[np.lexsort((current, keys[current]))]
    first = np.searchsorted(number[by_price], number[asked])
    end = np.searchsorted(number[by_price], number[asked], side="right")
    here = np.searchsorted(keys[by_price], keys[asked])
    # The product itself may be one of them.
    places = here[:, None] + np.arange(-CANDIDATES, CANDIDATES + 1)
    is_found = (places >= first[:, None]) & (places < end[:, None]) & (group[asked] != NONE)[:, None]
    product = of(by_price, np.where(is_found, places, NONE), NONE)
    score = np.where(is_found, likeness(shelf, asked[:, None], product), -1.0)
    best = np.lexsort((product, -score), axis=1)[:, :CANDIDATES]
    return Candidates(
        np.take_along_axis(product, best, axis=1),
        np.take_along_axis(score, best, axis=1),
        np.zeros(best.shape, np.int64),
    )


def likeness(shelf: Shelf, product: Ints, other: Ints) -> Floats:
    """Nearness of price, from 0 to 1, times a power of the other product's recent orders."""
    own, price = shelf.cents[product], of(shelf.cents, other, 1)
    nearness = np.minimum(own, price) / np.maximum(np.maximum(own, price), 1)
    return nearness * (1.0 + of(shelf.orders, other, 0)) ** POPULARITY


def popular(shelf: Shelf, group: Ints, asked: Ints) -> Candidates:
    """Current products of the same group by recent orders, then by id."""
    current = shelf.current
    ranked = current[np.lexsort((current, -shelf.orders[current], group[current]))]
    places = slices(group[ranked], group[asked], CANDIDATES)
    product = of(ranked, places, NONE)
    orders = of(shelf.orders, product, 0)
    return Candidates(product, orders.astype(np.float64), np.zeros(product.shape, np.int64))


def filled(shelf: Shelf, asked: Ints, steps: dict[int, Candidates]) -> Lists:
    """The first LENGTH different products of the steps, which are in the order of their reasons' places."""
    product = np.concatenate([step.product for step in steps.values()], axis=1)
    reason = np.concatenate([np.full(step.product.shape, place) for place, step in steps.items()], axis=1)
    columns = first_distinct(product, LENGTH, excluded=asked)
    recommended = at(product, columns, NONE)
    own = shelf.cents[asked][:, None].astype(np.float64)
    return Lists(
        product=asked,
        recommended=recommended,
        reason=at(reason, columns, NONE),
        score=at(np.concatenate([step.score for step in steps.values()], axis=1), columns, 0.0),
        pairs_seen=at(np.concatenate([step.pairs for step in steps.values()], axis=1), columns, 0),
        price_ratio=np.divide(
            of(shelf.cents, recommended, 0), own, out=np.full(recommended.shape, np.nan), where=own > 0
        ),
    )
