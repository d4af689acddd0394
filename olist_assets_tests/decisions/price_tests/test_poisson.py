"""The fit: equal to one with a dummy variable per effect, right about its own error, and at ease with empty groups."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olist_assets.decisions.price_tests.poisson import Cells, fit
from olist_assets.decisions.price_tests.weeks import fit_weeks
from olist_assets_tests.decisions.price_tests.markets import market


def of_market(seed: int, **options):
    weeks = market(seed, **options)
    return weeks.cells(weeks.inner(), weeks.log_price[:, None])


def with_dummies(cells: Cells, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and clustered errors by Newton's method over all effects at once."""
    month = cells.category * 100 + cells.month
    dummies = [(group[:, None] == np.unique(group)).astype(float) for group in (cells.offer, month)]
    design = np.column_stack([x, *dummies])
    b, expected, curvature = np.zeros(design.shape[1]), cells.weeks, np.eye(design.shape[1])
    for _ in range(60):
        expected = np.exp(design @ b) * cells.weeks
        curvature = design.T @ (design * expected[:, None])
        b += np.clip(np.linalg.pinv(curvature) @ design.T @ (cells.units - expected), -2, 2)
    bread = np.linalg.pinv(curvature)
    scores = np.array(
        [((cells.units - expected)[:, None] * design)[cells.offer == o].sum(axis=0) for o in np.unique(cells.offer)]
    )
    covariance = bread @ scores.T @ scores @ bread * len(scores) / (len(scores) - 1)
    k = x.shape[1]
    return b[:k], np.sqrt(np.diagonal(covariance)[:k])


@pytest.mark.parametrize("seed", range(3))
def test_a_fit_equals_one_with_a_dummy_per_effect(seed):
    weeks = market(seed, offers=25, weeks=16, units=4)
    x = np.column_stack([weeks.log_price, weeks.log_price_ahead])
    cells, x = weeks.cells(weeks.inner(), x)
    found = fit(cells, x)
    estimate, error = with_dummies(cells, x)
    assert found.estimate[0] == pytest.approx(estimate, abs=1e-6)
    assert found.standard_error[0] == pytest.approx(error, rel=1e-5)


def test_categories_alone_are_fits_of_their_own():
    cells, x = of_market(1)
    together = fit(cells, x, by_category=True)
    for number in range(3):
        one = cells.category == number
        alone = fit(cells.where(one), x[one])
        assert together.estimate[number] == pytest.approx(alone.estimate[0], abs=1e-7)
        assert together.covariance[number] == pytest.approx(alone.covariance[0], rel=1e-6)


def test_months_without_a_sale_cost_nothing_and_change_nothing():
    cells, x = of_market(1)
    late = replace(cells, month=cells.month + 10**9 * (cells.month > 2))
    assert fit(late, x).estimate == pytest.approx(fit(cells, x).estimate, abs=1e-12)


@pytest.mark.parametrize("elasticity", [-2.0, 0.0])
def test_intervals_cover_a_known_elasticity_in_95_of_100_markets(elasticity):
    covered, markets = 0, 100
    for seed in range(markets):
        found = fit(*of_market(seed, elasticity=elasticity))
        covered += abs(found.estimate[0, 0] - elasticity) < 1.96 * found.standard_error[0, 0]
    # Of 100 intervals that cover with 0.95, fewer than 88 do with a probability of 0.2 %.
    assert covered >= 88


def test_merged_weeks_give_the_estimates_of_single_ones():
    weeks = market(5)
    kept = weeks.inner()
    cells, x = weeks.cells(kept, weeks.log_price[:, None])
    single = Cells(
        weeks.offer[kept], weeks.category[kept], weeks.month[kept], weeks.units[kept].astype(float), np.ones(kept.sum())
    )
    has_fit = single.informative()
    one_by_one = fit(single.where(has_fit), weeks.log_price[kept][has_fit][:, None])
    merged = fit(cells, x)
    assert len(cells.units) < kept.sum()
    assert merged.estimate == pytest.approx(one_by_one.estimate, abs=1e-7)
    assert merged.covariance == pytest.approx(one_by_one.covariance, rel=1e-6)


@given(st.integers(0, 10_000), st.floats(-3, 3))
@settings(max_examples=20, deadline=None)
def test_a_currency_does_not_matter(seed, log_rate):
    cells, x = of_market(seed, offers=20, weeks=12)
    assert fit(cells, x + log_rate).estimate == pytest.approx(fit(cells, x).estimate, abs=1e-6, nan_ok=True)


def test_a_fit_is_the_same_to_the_last_bit_in_every_run():
    first, second = (fit(*of_market(7)) for _ in range(2))
    assert first.estimate.tobytes() == second.estimate.tobytes()
    assert first.covariance.tobytes() == second.covariance.tobytes()


def test_groups_without_a_unit_are_not_informative_and_each_removal_may_leave_another_one():
    cells = Cells(
        offer=np.array([0, 0, 1, 1]),
        category=np.zeros(4, dtype=int),
        month=np.array([0, 1, 1, 2]),
        units=np.array([2.0, 0.0, 0.0, 0.0]),
        weeks=np.ones(4),
    )
    assert cells.informative().tolist() == [True, False, False, False]


def test_effects_that_run_to_minus_infinity_change_nothing_else():
    cells, x = of_market(3)
    expected = fit(cells, x)
    # An offer that sells in one month only, and so alone ties the months around it.
    added = Cells(
        offer=np.append(cells.offer, [cells.offer.max() + 1] * 3),
        category=np.append(cells.category, [3] * 3),
        month=np.append(cells.month, [0, 1, 2]),
        units=np.append(cells.units, [0.0, 3.0, 0.0]),
        weeks=np.append(cells.weeks, [4.0] * 3),
    )
    kept = added.informative()
    found = fit(added.where(kept), np.append(x, [[1.0], [2.0], [3.0]], axis=0)[kept])
    assert found.estimate == pytest.approx(expected.estimate, abs=1e-6)


def test_prices_that_never_move_identify_nothing():
    cells, x = of_market(2)
    found = fit(cells, np.zeros_like(x))
    assert np.isnan(found.estimate).all()
    assert np.isnan(found.standard_error).all()
    assert np.isinf(found.offer_error[~np.isnan(found.offer_error)]).all()


def test_units_of_a_poisson_market_are_hardly_dispersed_and_doubled_ones_are():
    cells, x = of_market(4)
    doubled = Cells(cells.offer, cells.category, cells.month, 2 * cells.units, cells.weeks)
    assert fit(cells, x).dispersion == pytest.approx(1.0, abs=0.15)
    assert fit(doubled, x).dispersion == pytest.approx(2.0, abs=0.3)


def test_an_offer_alone_would_know_far_less_than_all_of_them():
    weeks = market(6)
    found = fit_weeks(weeks, weeks.inner(), weeks.log_price[:, None])
    assert found is not None
    errors = found.fit.offer_error[np.isfinite(found.fit.offer_error)]
    assert np.median(errors) > 5 * found.fit.standard_error[0, 0]
