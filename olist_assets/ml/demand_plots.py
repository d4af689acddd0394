"""Plots of the evaluation of forecasts, for MLflow."""

from typing import TYPE_CHECKING

import numpy as np

from olist_assets.decisions.demand.evaluation import WAPE_DAY, Evaluation
from olist_assets.decisions.demand.outlook import outlooks
from olist_assets.decisions.demand.rule import CATEGORY, TOTAL, EvaluationRule
from olist_assets.decisions.demand.units import Demand
from olist_assets.mlops.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_DAYS = 84


def demand_plots(sold: Demand, found: Evaluation, rule: EvaluationRule) -> dict[str, "Figure"]:
    """The categories' errors by origin, and the forecast of the total with its intervals; none for a short history."""
    return errors_plot(sold, found, rule) | fan_plot(sold, found, rule)


def errors_plot(sold: Demand, found: Evaluation, rule: EvaluationRule) -> dict[str, "Figure"]:
    scores = [
        score
        for score in found.scores
        if (score.level, score.metric, score.horizon) == (CATEGORY, WAPE_DAY, rule.horizon_days) and score.origins == 1
    ]
    if not scores:
        return {}
    figure, axes = new_figure("Error of categories by origin", "last known day", "WAPE per day")
    for model in dict.fromkeys(score.model for score in scores):
        points = sorted((str(sold.day(score.origin)), score.value) for score in scores if score.model == model)
        axes.plot(*zip(*points, strict=True), "o-", label=model)
    axes.legend()
    axes.tick_params(axis="x", rotation=45)
    return {"error_by_origin": figure}


def fan_plot(sold: Demand, found: Evaluation, rule: EvaluationRule) -> dict[str, "Figure"]:
    total = next((outlook for outlook in outlooks(sold, found.champions, rule) if outlook.level == TOTAL), None)
    if total is None or not len(total.names):
        return {}
    figure, axes = new_figure("Units of all items", "days from the last known day", "units per day")
    past = sold.levels[TOTAL].units[0, -SHOWN_DAYS:]
    axes.plot(np.arange(1 - len(past), 1), past, "k-", linewidth=1)
    ahead = np.arange(1, rule.horizon_days + 1)
    axes.fill_between(ahead, total.bounds[2, 0], total.bounds[3, 0], alpha=0.2, label="95 %")
    axes.fill_between(ahead, total.bounds[0, 0], total.bounds[1, 0], alpha=0.3, label="80 %")
    axes.plot(ahead, total.mean[0], label=total.model)
    axes.legend()
    return {"forecast_of_total": figure}
