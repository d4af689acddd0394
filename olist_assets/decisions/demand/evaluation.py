"""How good the forecasts were at rolling origins beside their baselines, and which model is the champion of a level."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np

from olist_assets.decisions.demand.conformal import day_bounds, residuals
from olist_assets.decisions.demand.products import product_origins
from olist_assets.decisions.demand.rolling import Rolling, evaluated, rolling
from olist_assets.decisions.demand.rule import (
    CANDIDATES,
    CATEGORY,
    CATEGORY_SHARE,
    LEVEL_WEEKDAY,
    LEVELS,
    PRODUCT_SHARE,
    SEASONAL_NAIVE,
    WEEK,
    ZERO,
    EvaluationRule,
)
from olist_assets.decisions.demand.scores import Bootstrap, Ratio
from olist_assets.decisions.demand.units import Demand

COVERAGES = {"coverage80": 0.8, "coverage95": 0.95}
WAPE_DAY, WAPE_SUM = "wape_day", "wape_sum"
AGAINST_NAIVE = "_minus_seasonal_naive"


class Score(NamedTuple):
    """One metric of a model over the newest `origins` up to `origin`; `horizon` is the number of days after each."""

    level: str
    model: str
    origin: int
    origins: int
    horizon: int
    metric: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Evaluation:
    """All scores, the champion of each level, and the seconds of each model's forecasts by level."""

    scores: Sequence[Score]
    champions: Mapping[str, str]
    seconds: Mapping[tuple[str, str], float]


class Window(NamedTuple):
    """What a model forecast at one origin and what was sold: both (series, days)."""

    expected: np.ndarray
    sold: np.ndarray


Errors = dict[str, Ratio]


def evaluate(demand: Demand, rule: EvaluationRule) -> Evaluation:
    """Each model at each level, at the newest origins whose windows are over."""
    scores: list[Score] = []
    champions: dict[str, str] = {}
    seconds: dict[tuple[str, str], float] = {}
    for level in LEVELS:
        errors: dict[tuple[str, int], Errors] = {}
        origins = np.zeros(0, int)
        for model in CANDIDATES:
            begin = perf_counter()
            forecasts = rolling(demand, level, model, rule.horizon_days, rule)
            seconds[level, model] = perf_counter() - begin
            numbers = evaluated(forecasts.origins, rule.horizon_days, rule.origins)
            origins = forecasts.origins[numbers]
            windows = [Window(forecasts.forecast[at], forecasts.actual[at]) for at in numbers]
            for horizon in _horizons(rule):
                errors[model, horizon] = _errors(windows, horizon) | _coverages(forecasts, numbers, horizon, rule)
                errors[ZERO, horizon] = _errors([Window(np.zeros_like(sold), sold) for _, sold in windows], horizon)
            if model == LEVEL_WEEKDAY:
                # Only of one model: that of each takes as long as all else together.
                errors[model, rule.horizon_days] |= _day_coverages(forecasts, numbers, rule)
        of_level = list(_scores(level, errors, origins, rule))
        champions[level] = champion(of_level, rule, len(origins))
        scores += of_level
    scores += _product_scores(demand, champions[CATEGORY], rule)
    return Evaluation(scores, champions, seconds)


def _horizons(rule: EvaluationRule) -> list[int]:
    """One week, two weeks and the whole horizon."""
    return sorted({WEEK, min(2 * WEEK, rule.horizon_days), rule.horizon_days})


def champion(scores: Sequence[Score], rule: EvaluationRule, origins: int) -> str:
    """The candidate with the lowest error per day that is not above the seasonal naive forecast in either error.

    The seasonal naive one itself if there are too few origins to prefer another.
    """
    errors: dict[str, dict[str, float]] = defaultdict(dict)
    for score in scores:
        is_whole = score.origins == origins and score.horizon == rule.horizon_days
        if is_whole and score.metric in (WAPE_DAY, WAPE_SUM):
            errors[score.model][score.metric] = score.value
    if origins < rule.min_origins or any(not np.isfinite(list(errors[model].values())).all() for model in CANDIDATES):
        return SEASONAL_NAIVE
    naive = errors[SEASONAL_NAIVE]
    eligible = [m for m in CANDIDATES if all(errors[m][metric] <= naive[metric] for metric in naive)]
    return min(eligible, key=lambda model: errors[model][WAPE_DAY])


def _errors(windows: Sequence[Window], horizon: int) -> Errors:
    """Errors of the first days of each window, over the units sold in them.

    The sum of absolute errors over the sum of units (WAPE), which unlike MAPE is defined for days without a sale:
    Kolassa and Schuetz, Advantages of the MAD/Mean Ratio over the MAPE, Foresight 6, 2007.
    """
    cut = [Window(window.expected[:, :horizon], window.sold[:, :horizon]) for window in windows]
    is_single = bool(cut) and len(cut[0].sold) == 1
    # Of a single series the days are resampled, of several the series.
    axis = 0 if is_single else 1
    sold = [window.sold.sum(axis=1) for window in cut]
    wrong = [window.expected.sum(axis=1) - window.sold.sum(axis=1) for window in cut]
    return {
        WAPE_DAY: Ratio(
            [np.abs(window.expected - window.sold).sum(axis=axis) for window in cut],
            [window.sold.sum(axis=axis) for window in cut],
        ),
        WAPE_SUM: Ratio([np.abs(part) for part in wrong], sold),
        "bias_sum": Ratio(wrong, sold),
    }


def _coverages(forecasts: Rolling, numbers: np.ndarray, horizon: int, rule: EvaluationRule) -> Errors:
    """Share of intervals that contain what was sold, of series that sold before; calibrated on earlier windows only."""
    mean, sold = forecasts.sums(horizon)
    ratios: dict[str, Ratio] = {}
    for at in numbers:
        known = forecasts.known_at(at, horizon)
        past = residuals(mean[known], sold[known], forecasts.is_active[known], rule)
        conformal = _inside(past.bounds(mean[at], _ends()), sold[at])
        _add(ratios, "{}_sum", conformal, forecasts.is_active[at])
        _add(ratios, "poisson_{}_sum", _inside_poisson(mean[at], sold[at]), forecasts.is_active[at])
    return ratios


def _day_coverages(forecasts: Rolling, numbers: np.ndarray, rule: EvaluationRule) -> Errors:
    """The same for the intervals of single days."""
    ratios: dict[str, Ratio] = {}
    for at in numbers:
        past = forecasts.windows_before(at, rule.horizon_days)
        bounds = day_bounds(past, forecasts.forecast[at], _ends(), rule)
        _add(ratios, "{}_day", _inside(bounds, forecasts.actual[at]), forecasts.is_active[at])
    return ratios


def _add(ratios: Errors, form: str, by_coverage: Mapping[str, np.ndarray], is_active: np.ndarray) -> None:
    """Add an origin's intervals to the ratios; those of which past residuals were too few count for none."""
    for coverage, is_inside in by_coverage.items():
        known = is_active[:, None] & np.isfinite(is_inside)
        # Of a single series the days are resampled, of several the series.
        axis = 0 if len(is_active) == 1 and is_inside.shape[1] > 1 else 1
        above, below = ratios.setdefault(form.format(coverage), Ratio([], []))
        above.append(np.where(known, is_inside, 0).sum(axis=axis))
        below.append(known.sum(axis=axis).astype(float))


def _ends() -> list[float]:
    return [end for share in COVERAGES.values() for end in ((1 - share) / 2, (1 + share) / 2)]


def _inside(bounds: np.ndarray, sold: np.ndarray) -> dict[str, np.ndarray]:
    """By metric: whether what was sold is inside the bounds, (series, quantities); NaN without bounds."""
    pairs = zip(COVERAGES, bounds[::2], bounds[1::2], strict=True)
    return {
        metric: np.where(np.isfinite(low) & np.isfinite(high), (low <= sold) & (sold <= high), np.nan)
        for metric, low, high in pairs
    }


def _inside_poisson(mean: np.ndarray, sold: np.ndarray) -> dict[str, np.ndarray]:
    """The same for intervals of a Poisson count, whose only uncertainty is that of a known mean."""
    from scipy.special import pdtr

    below, up_to = np.where(sold > 0, pdtr(sold - 1, mean), 0), pdtr(sold, mean)
    return {
        metric: ((up_to >= (1 - share) / 2) & (below < (1 + share) / 2)).astype(float)
        for metric, share in COVERAGES.items()
    }


def _product_scores(demand: Demand, model: str, rule: EvaluationRule) -> Iterator[Score]:
    """Products by their share of the category's forecast, beside a forecast of zero and the level's other baselines."""
    by_model: dict[str, list[Window]] = defaultdict(list)
    found = product_origins(demand, model, rule)
    for origin in found:
        by_model[CATEGORY_SHARE].append(Window(origin.expected, origin.sold))
        by_model[ZERO].append(Window(np.zeros_like(origin.sold), origin.sold))
        for baseline, expected in origin.baselines.items():
            by_model[baseline].append(Window(expected, origin.sold))
    horizon = rule.horizon_days
    errors = {(name, horizon): _errors(windows, horizon) for name, windows in by_model.items()}
    yield from _scores(PRODUCT_SHARE, errors, np.array([origin.origin for origin in found], int), rule)


def _scores(
    level: str, errors: Mapping[tuple[str, int], Errors], origins: np.ndarray, rule: EvaluationRule
) -> Iterator[Score]:
    """The metrics of all models, and how far their errors are above those of the seasonal naive forecast."""
    if not len(origins):
        return
    most = max(len(part) for ratios in errors.values() for ratio in ratios.values() for part in ratio.above)
    bootstrap = Bootstrap(rule, max(most, len(origins)))
    # One origin alone is all of them already.
    each = [(int(origin), 1) for origin in origins] if len(origins) > 1 else []
    measured = [(int(origins[0]), len(origins)), *each]
    for (model, horizon), ratios in errors.items():
        naive = errors[SEASONAL_NAIVE, horizon]
        differences = {
            f"{metric}{AGAINST_NAIVE}": Ratio(
                [own - other for own, other in zip(ratios[metric].above, naive[metric].above, strict=True)],
                ratios[metric].below,
            )
            for metric in (WAPE_DAY, WAPE_SUM)
            if model != SEASONAL_NAIVE
        }
        for metric, ratio in (ratios | differences).items():
            for of, value in zip(measured, bootstrap.values(ratio), strict=False):
                if np.isfinite(value.value):
                    yield Score(level, model, *of, horizon, metric, *value)
