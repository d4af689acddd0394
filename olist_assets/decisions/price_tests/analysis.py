"""The elasticities of a panel, with what speaks for and against them: one row per estimate."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field

from olist_assets.decisions.price_tests.out_of_sample import Comparison, Window, compared, window
from olist_assets.decisions.price_tests.placebos import permuted_paths, price_ago, price_ahead
from olist_assets.decisions.price_tests.poisson import Array
from olist_assets.decisions.price_tests.shrinkage import shrunk
from olist_assets.decisions.price_tests.weeks import Fitted, Weeks, fit_weeks

# Of the normal distribution, for intervals of 95 %.
Z = 1.959963984540054
POOLED, CATEGORY, OFFER, PLACEBO, DISPERSION = "pooled", "category", "offer", "placebo", "dispersion"
CHANGE, WITH_PRICE, WITHOUT_PRICE = "out_of_sample", "deviance_with_price", "deviance_without_price"
SCOPES = (POOLED, CATEGORY, OFFER, PLACEBO, DISPERSION, CHANGE, WITH_PRICE, WITHOUT_PRICE)
ALL, LAST_TWO, BEFORE_LAST_TWO = "all", "last_two_months", "before_last_two_months"
AHEAD, AGO, PERMUTED = "price_4_weeks_ahead", "price_4_weeks_ago", "permuted_prices"
PPML = "Poisson pseudo-maximum likelihood with offer and category x month effects; errors clustered by offer"
BOOTSTRAP = "Poisson deviance of a month given all earlier ones; bootstrap over offers"


@dataclass(frozen=True)
class Row:
    """An estimate with its interval of 95 %; None where there is none."""

    scope: str
    name: str
    method: str
    estimate: float | None = None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    shrunk: float | None = None
    shrunk_standard_error: float | None = None
    placebo_lead: float | None = None
    placebo_lag: float | None = None
    offers: int = 0
    units: int = 0


class ElasticityConfig(BaseModel):
    """The fits and their evaluation, as run configuration. The defaults were fixed on the data before July 2018."""

    min_offers: int = Field(default=50, ge=2, description="Offers from which on a category has its own estimate.")
    windows: int = Field(default=6, ge=1, description="Months at the end that are predicted from those before.")
    permutations: int = Field(default=10, ge=2, description="Fits with exchanged price paths.")
    draws: int = Field(default=500, ge=100, description="Bootstrap draws of offers.")
    seed: int = Field(default=42, description="Seed of permutations and draws.")


def elasticities(
    weeks: Weeks, categories: Sequence[str], months: Mapping[int, str], last_month: int, config: ElasticityConfig
) -> list[Row]:
    """All rows of a panel; none if no offer has a week between two sales.

    `categories` and `months` name the numbers of the panel; `last_month` is the last one with all of its weeks.
    """
    price = weeks.log_price[:, None]
    pooled = fit_weeks(weeks, weeks.inner(), price)
    if pooled is None:
        return []
    placebos = list(_placebos(weeks, config))
    of_placebo = {row.name: row.estimate for row in placebos}
    rows = [
        _row(
            POOLED, ALL, PPML, pooled, placebo_lead=of_placebo.get(AHEAD), placebo_lag=of_placebo.get(AGO),
        ),
        *_halves(weeks, last_month),
        *_categories(weeks, categories, config.min_offers),
        _offers(pooled),
        Row(
            DISPERSION, ALL, "Pearson's statistic per degree of freedom of the pooled fit", pooled.fit.dispersion,
            offers=int(pooled.offers[0]), units=int(pooled.units[0]),
        ),
        *placebos,
    ]  # fmt: skip
    return rows + list(_evaluation(weeks, months, last_month, config))


def _row(
    scope: str,
    name: str,
    method: str,
    fitted: Fitted,
    *,
    at: int = 0,
    regressor: int = 0,
    placebo_lead: float | None = None,
    placebo_lag: float | None = None,
) -> Row:
    estimate, error = (float(of[at, regressor]) for of in (fitted.fit.estimate, fitted.fit.standard_error))
    offers, units = int(fitted.offers[at]), int(fitted.units[at])
    if np.isnan(error):
        return Row(scope, name, method, offers=offers, units=units)
    return Row(
        scope, name, method, estimate, error, estimate - Z * error, estimate + Z * error,
        placebo_lead=placebo_lead, placebo_lag=placebo_lag, offers=offers, units=units,
    )  # fmt: skip


def _halves(weeks: Weeks, last_month: int) -> Iterator[Row]:
    """The estimate from the last two whole months alone, and from all before as it was known then."""
    first = last_month - 1
    price = weeks.log_price[:, None]
    for name, kept in (
        (BEFORE_LAST_TWO, weeks.inner(until=first)),
        (LAST_TWO, weeks.inner() & (weeks.month >= first) & (weeks.month <= last_month)),
    ):
        found = fit_weeks(weeks, kept, price)
        if found is not None:
            yield _row(POOLED, name, PPML, found)


def _categories(weeks: Weeks, names: Sequence[str], min_offers: int) -> Iterator[Row]:
    """Each category's own estimate, if it has enough offers, and the one that is drawn towards their mean."""
    found = fit_weeks(weeks, weeks.inner(), weeks.log_price[:, None], by_category=True)
    if found is None:
        return
    estimate, error = (_padded(of[:, 0], len(names), np.nan) for of in (found.fit.estimate, found.fit.standard_error))
    offers, units = _padded(found.offers, len(names), 0), _padded(found.units, len(names), 0)
    has_own = (offers >= min_offers) & ~np.isnan(error)
    drawn = shrunk(np.where(has_own, estimate, np.nan), np.where(has_own, error, np.nan))
    for at, name in enumerate(names):
        own = (float(estimate[at]), float(error[at])) if has_own[at] else None
        too_few = f"The mean of the categories, as fewer than {min_offers} offers identify its own"
        yield Row(
            CATEGORY, name, f"{PPML}; shrunk as by DerSimonian and Laird" if own else too_few,
            estimate=own[0] if own else None,
            standard_error=own[1] if own else None,
            low=own[0] - Z * own[1] if own else None,
            high=own[0] + Z * own[1] if own else None,
            shrunk=float(drawn.estimate[at]) if drawn else None,
            shrunk_standard_error=float(drawn.standard_error[at]) if drawn else None,
            offers=int(offers[at]),
            units=int(units[at]),
        )  # fmt: skip


def _padded(values: Array, length: int, fill: float) -> Array:
    """Values of the first numbers, with a value for the numbers that follow."""
    return np.concatenate([values, np.full(length - len(values), fill)])


def _offers(pooled: Fitted) -> Row:
    """Why no offer has an estimate of its own: the error that it would have."""
    errors = pooled.fit.offer_error[np.isfinite(pooled.fit.offer_error)]
    return Row(
        OFFER, ALL, "Not estimated: the standard error is the median that offers whose price moved would have alone",
        standard_error=float(np.median(errors)) if len(errors) else None, offers=len(errors),
        units=int(pooled.units[0]),
    )  # fmt: skip


def _placebos(weeks: Weeks, config: ElasticityConfig) -> Iterator[Row]:
    for name, found in ((AHEAD, price_ahead(weeks)), (AGO, price_ago(weeks))):
        if found is not None:
            yield _row(PLACEBO, name, f"{PPML}; beside the price before the week", found, regressor=1)
    permuted = permuted_paths(weeks, config.permutations, config.seed)
    if permuted is not None:
        mean, spread = float(np.mean(permuted.estimates)), float(np.std(permuted.estimates))
        yield Row(
            PLACEBO, PERMUTED,
            f"Mean and standard deviation of {len(permuted.estimates)} fits with price paths exchanged between offers",
            mean, spread, mean - Z * spread, mean + Z * spread, offers=permuted.offers, units=permuted.units,
        )  # fmt: skip


def _evaluation(weeks: Weeks, names: Mapping[int, str], last_month: int, config: ElasticityConfig) -> Iterator[Row]:
    """The last whole months, each predicted from all before it; then the last two and all of them together."""
    found = [window(weeks, month) for month in range(max(last_month - config.windows + 1, 1), last_month + 1)]
    windows = [of_month for of_month in found if of_month is not None]
    parts: list[tuple[str, list[Window]]] = [(names[of_month.month], [of_month]) for of_month in windows]
    parts += [(LAST_TWO, [w for w in windows if w.month > last_month - 2]), (ALL, windows)]
    for name, part in parts:
        if part:
            yield from _compared(name, compared(part, config.draws, config.seed))


def _compared(name: str, of: Comparison) -> Iterator[Row]:
    change, low, high = of.change
    yield Row(CHANGE, name, f"{BOOTSTRAP}; relative change by the price", change, of.change_error, low, high,
              offers=of.offers, units=of.units)  # fmt: skip
    for scope, (value, low, high) in ((WITH_PRICE, of.with_price), (WITHOUT_PRICE, of.without_price)):
        yield Row(scope, name, f"{BOOTSTRAP}; per offer and week", value, None, low, high,
                  offers=of.offers, units=of.units)  # fmt: skip
