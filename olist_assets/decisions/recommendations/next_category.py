"""The categories that a known customer buys from next: those bought before, the latest first, then the popular ones.

What was consumed lately is consumed again: Anderson, Kumar, Tomkins and Vassilvitskii 2014, "The Dynamics of Repeat
Consumption", doi:10.1145/2566486.2568018.
"""

from dataclasses import dataclass

import numpy as np

from olist_assets.decisions.recommendations.ranking import NONE, at, first_distinct, of, slices
from olist_assets.decisions.recommendations.sales import CategoryPurchases, Ints


@dataclass(frozen=True)
class Ranked:
    """Categories of each asked customer (customers x length), the likeliest first, NONE where there are fewer."""

    customer: Ints
    category: Ints
    last_purchase: Ints
    """Place of the customer's last purchase of the category in the CategoryPurchases; NONE for a popular category."""


def popular_categories(purchases: CategoryPurchases, cutoff: int) -> Ints:
    """Categories by their orders before a day, then by name."""
    orders = np.bincount(purchases.category[purchases.day < cutoff], minlength=len(purchases.category_names))
    return np.argsort(-orders, kind="stable")


def ranked_categories(purchases: CategoryPurchases, cutoff: int, asked: Ints, length: int) -> Ranked:
    """The first `length` categories of each asked customer, from purchases before a day only."""
    # The latest first: of repeated pairs of customer and category, unique keeps the first.
    latest = np.flatnonzero(purchases.day < cutoff)[::-1]
    pairs = purchases.customer[latest] * len(purchases.category_names) + purchases.category[latest]
    own = latest[np.unique(pairs, return_index=True)[1]]
    own = own[np.lexsort((-own, purchases.customer[own]))]
    bought = of(own, slices(purchases.customer[own], asked, length), NONE)
    # So many that some remain without those that were bought.
    popular = np.tile(popular_categories(purchases, cutoff)[: 2 * length], (len(asked), 1))
    category = np.concatenate([of(purchases.category, bought, NONE), popular], axis=1)
    last = np.concatenate([bought, np.full(popular.shape, NONE)], axis=1)
    columns = first_distinct(category, length)
    return Ranked(asked, at(category, columns, NONE), at(last, columns, NONE))


def popular_for_all(purchases: CategoryPurchases, cutoff: int, asked: Ints, length: int) -> Ranked:
    """The baseline: the same popular categories for each asked customer."""
    popular = np.tile(popular_categories(purchases, cutoff)[:length], (len(asked), 1))
    return Ranked(asked, popular, np.full(popular.shape, NONE))
