"""The forest plot of the price elasticities, for MLflow."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from olist_assets.decisions.price_tests.analysis import CATEGORY, PLACEBO, POOLED, Row
from olist_assets.mlops.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def price_plots(rows: Sequence[Row]) -> dict[str, "Figure"]:
    """Estimates with their intervals: pooled ones and placebos, then categories; none without an estimate."""
    shown = [row for row in rows if row.scope in (POOLED, PLACEBO, CATEGORY) and row.low is not None]
    if not shown:
        return {}
    figure, axes = new_figure("Price elasticities and placebos, 95 % intervals", "elasticity", "")
    figure.set_size_inches(7, 1.5 + 0.22 * len(shown))
    places = list(range(len(shown), 0, -1))
    estimate, low, high = (np.array([getattr(row, name) for row in shown]) for name in ("estimate", "low", "high"))
    axes.errorbar(estimate, places, xerr=[estimate - low, high - estimate], fmt="o", markersize=4, linewidth=1)
    drawn = [(row.shrunk, place) for row, place in zip(shown, places, strict=True) if row.shrunk is not None]
    axes.plot([x for x, _ in drawn], [y for _, y in drawn], "|", color="tab:orange", markersize=10, label="shrunk")
    axes.axvline(0, color="k", linestyle=":", linewidth=1)
    axes.set_yticks(places, [f"{row.scope}: {row.name}" for row in shown], fontsize=7)
    return {"forest": figure}
