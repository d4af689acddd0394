"""Placebos: quiet where prices are set by chance, and loud where they follow demand."""

from dataclasses import replace

import numpy as np

from olist_assets.decisions.price_tests.placebos import permuted_paths, price_ago, price_ahead
from olist_assets_tests.decisions.price_tests.markets import market


def z(found) -> float:
    """The second regressor's estimate in standard errors."""
    return found.fit.estimate[0, 1] / found.fit.standard_error[0, 1]


def test_a_price_that_reacts_to_demand_trips_the_price_ahead():
    tripped = [z(price_ahead(market(seed, units=3, reaction=0.5))) > 1.96 for seed in range(20)]
    assert sum(tripped) >= 18


def test_a_price_set_by_chance_trips_none():
    # Of 40 placebos at 5 %, more than 6 trip with a probability of 0.4 %.
    found = [z(placebo(market(seed))) for seed in range(20) for placebo in (price_ahead, price_ago)]
    assert sum(abs(value) > 1.96 for value in found) <= 6


def test_exchanged_prices_have_no_effect_where_an_offers_own_have_a_large_one():
    found = permuted_paths(market(1), permutations=20, seed=1)
    assert found is not None
    assert len(found.estimates) == 20
    assert abs(found.estimates.mean()) < 0.25
    again = permuted_paths(market(1), permutations=20, seed=1)
    assert again is not None
    assert np.array_equal(found.estimates, again.estimates)


def test_one_offer_has_no_other_ones_prices_to_exchange():
    assert permuted_paths(market(1, offers=1, categories=1), permutations=5, seed=1) is None


def test_permutations_without_an_estimate_do_not_count():
    # One month per week leaves the only offer of a category nothing of its own.
    alone = market(1, offers=2, categories=2)
    assert permuted_paths(replace(alone, month=alone.week), permutations=5, seed=1) is None
