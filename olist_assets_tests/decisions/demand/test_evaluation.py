"""Errors by hand, intervals of the bootstrap, and which model becomes the champion."""

import numpy as np
import pytest

from olist_assets.decisions.demand.evaluation import Score, champion, evaluate
from olist_assets.decisions.demand.rule import CANDIDATES, LEVELS, EvaluationRule
from olist_assets.decisions.demand.scores import Bootstrap, Ratio, Value
from olist_assets_tests.decisions.demand.series import made, noisy

RULE = EvaluationRule()
DAYS = 56 + 6 * 28


@pytest.fixture(scope="module")
def scores() -> dict[tuple, Score]:
    found = evaluate(made(noisy(DAYS)), RULE)
    return {(s.level, s.model, s.metric): s for s in found.scores if s.origins == 6 and s.horizon == 28}


def ends(value: Value) -> tuple[float, float]:
    assert value.low is not None
    assert value.high is not None
    return value.low, value.high


def test_a_ratio_is_that_of_all_origins_and_of_each_with_an_interval_around_it():
    ratio = Ratio([np.array([1.0, 2, 3]), np.array([4.0, 0, 0])], [np.array([2.0, 4, 6]), np.array([4.0, 2, 2])])
    together, first, second = Bootstrap(RULE, 3).values(ratio)
    assert (together.value, first.value, second.value) == (0.5, 0.5, 0.5)
    # Each series of the first origin has the same ratio, those of the second do not.
    assert (first.low, first.high) == (0.5, 0.5)
    low, high = ends(second)
    assert low < 0.5 < high
    assert (together.low, together.high) == (0.5, 0.5)


def test_one_unit_has_no_interval_and_nothing_sold_no_value():
    (_, alone) = Bootstrap(RULE, 1).values(Ratio([np.array([1.0])], [np.array([2.0])]))
    assert alone == (0.5, None, None)
    (_, nothing) = Bootstrap(RULE, 1).values(Ratio([np.array([1.0])], [np.array([0.0])]))
    assert np.isnan(nothing.value)


def test_a_bootstrap_interval_has_the_width_of_the_standard_error():
    values = np.random.default_rng(3).normal(10, 2, 400)
    (_, found) = Bootstrap(EvaluationRule(resamples=2000), 400).values(Ratio([values], [np.ones(400)]))
    low, high = ends(found)
    assert high - low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.1)


def test_each_level_has_each_model_and_the_baselines(scores):
    assert {(level, model) for level, model, _ in scores} == {
        *((level, model) for level in LEVELS for model in (*CANDIDATES, "zero")),
        *(("product_share", model) for model in ("category_share", "seasonal_naive_7", "mean_28", "zero")),
    }
    assert scores["state", "zero", "wape_day"].value == 1
    assert scores["state", "zero", "bias_sum"].value == -1


def test_a_weekly_pattern_with_noise_is_forecast_better_than_by_repeating_the_noise(scores):
    for level in LEVELS:
        difference = scores[level, "level_weekday", "wape_day_minus_seasonal_naive"]
        own, naive = (scores[level, model, "wape_day"] for model in ("level_weekday", "seasonal_naive_7"))
        assert difference.value == pytest.approx(own.value - naive.value)
        assert difference.low <= difference.value <= difference.high < 0
    assert evaluate(made(noisy(DAYS)), RULE).champions == dict.fromkeys(LEVELS, "level_weekday")


def test_coverages_are_measured_where_earlier_windows_suffice(scores):
    found = scores["category_state", "level_weekday", "coverage80_sum"]
    assert 0.6 < found.value <= 1
    # Of one series there are at most 20 residuals, too few for an interval of 95 %.
    assert ("total", "level_weekday", "coverage95_sum") not in scores
    # These counts are Poisson with a constant mean, so that interval is right here.
    assert scores["category_state", "level_weekday", "poisson_coverage80_sum"].value > 0.6


def test_the_same_data_give_the_same_scores():
    once, again = (evaluate(made(noisy(DAYS)), RULE).scores for _ in range(2))
    assert once == again


def pooled(model: str, day: float, total: float) -> list[Score]:
    return [
        Score("state", model, 1, 8, 28, metric, value, None, None)
        for metric, value in (("wape_day", day), ("wape_sum", total))
    ]


@pytest.mark.parametrize(
    ("level_weekday", "origins", "expected"),
    [
        ((0.4, 0.2), 8, "level_weekday"),
        ((0.5, 0.3), 8, "mean_28"),
        # Better per day and worse in sum: the mean is not.
        ((0.4, 0.31), 8, "mean_28"),
        ((0.4, 0.2), 3, "seasonal_naive_7"),
        ((np.nan, np.nan), 8, "seasonal_naive_7"),
    ],
)
def test_the_champion_is_the_best_that_is_nowhere_worse_than_the_seasonal_naive(level_weekday, origins, expected):
    others = [*pooled("seasonal_naive_7", 0.5, 0.3), *pooled("mean_28", 0.45, 0.3)]
    scores = [s._replace(origins=origins) for s in [*pooled("level_weekday", *level_weekday), *others]]
    assert champion(scores, RULE, origins) == expected


def test_a_series_that_repeats_its_weeks_exactly_stays_with_the_seasonal_naive():
    weeks = {
        ("a", "toys", "SP"): np.tile([9, 1, 1, 1, 1, 1, 1], DAYS // 7),
        ("b", "art", "RJ"): np.tile([1, 1, 1, 1, 1, 1, 9], DAYS // 7),
    }
    found = evaluate(made(weeks), RULE)
    assert found.champions["category"] == "seasonal_naive_7"


def test_a_short_history_has_fewer_origins_or_none():
    one = evaluate(made(noisy(56 + 28)), RULE)
    assert {(s.origin, s.origins) for s in one.scores} == {(55, 1)}
    assert one.champions == dict.fromkeys(LEVELS, "seasonal_naive_7")
    for days in (0, 10, 83):
        assert evaluate(made(noisy(days)), RULE).scores == []
