"""Markets whose elasticity is known."""

import numpy as np

from olist_assets.decisions.price_tests.poisson import Array
from olist_assets.decisions.price_tests.weeks import Weeks

WEEKS_PER_MONTH, DELAY = 4, 3


def market(
    seed: int,
    *,
    elasticity: float = -2.0,
    offers: int = 120,
    weeks: int = 24,
    categories: int = 3,
    units: float = 1.5,
    reaction: float = 0.0,
) -> Weeks:
    """Offers with price paths of their own, in categories with a level per month, from the first to the last sale.

    With a `reaction`, demand has a state of its own that lasts for weeks, and prices follow it three weeks later.
    """
    rng = np.random.default_rng(seed)
    category = np.arange(offers) * categories // offers
    months = rng.normal(0, 0.3, (categories, -(-weeks // WEEKS_PER_MONTH)))
    level = np.log(units) + rng.normal(0, 0.5, offers)
    # A price stays for some weeks, until another one is drawn.
    last_change = np.maximum.accumulate(np.where(rng.random((offers, weeks)) < 0.25, np.arange(weeks), 0), axis=1)
    own = np.take_along_axis(rng.normal(0, 0.25, (offers, weeks)), last_change, axis=1)
    state = np.zeros((offers, weeks))
    if reaction:
        for week in range(1, weeks):
            state[:, week] = 0.8 * state[:, week - 1] + rng.normal(0, 0.4, offers)
    price = own + reaction * np.column_stack([np.zeros((offers, DELAY)), state[:, :-DELAY]])
    month = np.arange(weeks) // WEEKS_PER_MONTH
    rate = level[:, None] + months[category][:, month] + elasticity * price + state
    sold = rng.poisson(np.exp(rate))
    return panel(category, price, sold)


def panel(category: Array, price: Array, sold: Array) -> Weeks:
    """The weeks between first and last sales of units and known prices, both of shape (offers, weeks)."""
    offers, weeks = sold.shape
    nothing = np.full((offers, 4), np.nan)
    ahead = np.column_stack([price[:, 4:], nothing])[:, :weeks]
    ago = np.column_stack([nothing, price[:, :-4]])[:, :weeks]
    before = np.cumsum(sold, axis=1) - sold > 0
    after = np.cumsum(sold[:, ::-1], axis=1)[:, ::-1] > 0
    kept = (before & after) | (sold > 0)
    offer, week = np.nonzero(kept)
    _, number = np.unique(offer, return_inverse=True)
    known = np.where(before, price, np.nan)
    return Weeks(
        offer=number,
        category=category[offer],
        month=week // WEEKS_PER_MONTH,
        week=week,
        units=sold[kept],
        log_price=known[kept],
        log_price_ahead=ahead[kept],
        log_price_ago=ago[kept],
    )
