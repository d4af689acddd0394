"""The days after the last one: forecasts, shares of products, and the demand of a lead time."""

import numpy as np
import pytest

from olist_assets.decisions.demand.outlook import lead_time, outlooks
from olist_assets.decisions.demand.products import product_shares
from olist_assets.decisions.demand.rule import LEVELS, ForecastRule
from olist_assets_tests.decisions.demand.series import made, noisy, poisson

RULE = ForecastRule()
NAIVE = dict.fromkeys(LEVELS, "seasonal_naive_7")
BEST = dict.fromkeys(LEVELS, "level_weekday")


def test_products_share_their_category_by_recent_units():
    demand = made(
        {
            ("a", "toys", "SP"): np.array([*[9] * 60, *[3] * 60]),
            ("b", "toys", "SP"): np.array([*[9] * 60, *[1] * 60]),
            ("c", "art", "RJ"): np.ones(120),
        }
    )
    assert product_shares(demand, 119, 56).tolist() == [0.75, 0.25, 1]
    found = {outlook.level: outlook for outlook in outlooks(demand, NAIVE, RULE)}
    products, categories = found["product_share"], found["category"]
    assert products.model == "category_share"
    assert products.mean[:, 0].tolist() == [3, 1, 1]
    assert products.mean.sum() == categories.mean.sum()
    assert np.isnan(products.bounds).all()


def test_a_series_that_sold_nothing_recently_has_no_forecast():
    demand = made({("a", "toys", "SP"): np.array([*[2] * 60, *[0] * 60]), ("b", "art", "RJ"): np.full(120, 2)})
    found = {outlook.level: list(outlook.names) for outlook in outlooks(demand, BEST, RULE)}
    assert found == {
        "total": ["total"], "state": ["RJ"], "category": ["art"], "category_state": ["art/RJ"], "product_share": ["b"],
    }  # fmt: skip


def test_bounds_are_nested_around_what_is_expected():
    for outlook in outlooks(made(noisy(300)), BEST, RULE):
        if outlook.level == "category":
            low80, high80, low95, high95 = outlook.bounds
            assert (low95 <= low80).all()
            assert (low80 < outlook.mean).all()
            assert (outlook.mean < high80).all()
            assert (high80 <= high95).all()


def test_a_history_without_an_origin_has_no_outlook():
    assert list(outlooks(made(noisy(50)), NAIVE, RULE)) == []
    assert lead_time(made(noisy(50)), "state", "mean_28", days=7, services=[0.9], rule=RULE) is None


@pytest.mark.parametrize("days", [1, 14])
def test_a_reorder_point_is_enough_as_often_as_its_service_level_says(days: int):
    """Of 60 series with the same history, as many do not run out as asked for; the mean alone is not enough."""
    products = {(f"p{at}", f"c{at:02}", "SP"): poisson(6, 250, seed=at) for at in range(60)}
    whole, known = made(products), made({key: units[: 250 - days] for key, units in products.items()})
    found = lead_time(known, "category", "mean_28", days=days, services=[0.5, 0.9, 0.98], rule=RULE)
    assert found is not None
    sold = whole.levels["category"].units[:, -days:].sum(axis=1)
    kept = (sold <= found.points).mean(axis=1)
    assert kept == pytest.approx([0.5, 0.9, 0.98], abs=0.12)
    assert (np.diff(found.points, axis=0) >= 0).all()
    assert found.mean == pytest.approx(6 * days, rel=0.5)


def test_a_service_level_that_no_residual_reaches_has_no_point():
    found = lead_time(made(noisy(300)), "total", "mean_28", days=7, services=[0.9, 0.99], rule=RULE)
    assert found is not None
    assert np.isfinite(found.points[0]).all()
    assert np.isnan(found.points[1]).all()
    assert found.residuals == 34
