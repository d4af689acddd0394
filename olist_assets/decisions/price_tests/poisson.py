"""Poisson pseudo-maximum likelihood with offer and category x month effects, the same to the bit in every run.

The model for the units of an offer in a week: log E[units] = offer + category x month + x'b (Santos Silva and Tenreyro
2006, "The Log of Gravity", Review of Economics and Statistics 88). The first-order conditions give the offers' effects
in closed form, so they are concentrated out (Hausman, Hall and Griliches 1984, Econometrica 52). The months' effects
are eliminated from each Newton step by a Schur complement, one small block per category.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MAX_STEPS, MAX_HALVINGS = 60, 30
# In logs: an effect that runs to infinity must not overflow on its way.
MAX_STEP = 4.0
# A fit has converged when b moves less and the log-likelihood can gain less.
TOLERANCE_OF_B, TOLERANCE = 1e-8, 1e-4
# Units. Cells without a sale that expect less then are on their way to zero: their effects have no finite value.
MIN_EXPECTED = 1e-4
# Share of the units: keeps a block that no offer links from being singular; it changes the steps, not their end.
RIDGE = 1e-9
# Units times the variance of log prices below which a category says nothing of them.
MIN_INFORMATION = 1e-6


@dataclass(frozen=True)
class Cells:
    """Weeks of one offer in one month at one price, added up, which leaves the estimates as they are.

    All are arrays of shape (cells,), sorted by offer; offers are numbered category by category. `weeks` is the
    exposure: the number of weeks in which `units` were sold.
    """

    offer: Array
    category: Array
    month: Array
    units: Array
    weeks: Array

    def where(self, kept: Array) -> "Cells":
        """The cells of a mask of shape (cells,)."""
        return Cells(self.offer[kept], self.category[kept], self.month[kept], self.units[kept], self.weeks[kept])

    def informative(self) -> Array:
        """Mask of the cells with a finite fit: not those of offers or category x months without a unit.

        Their effects are minus infinity and say nothing of a price (Correia, Guimaraes and Zylkin 2020, "Fast Poisson
        estimation with high-dimensional fixed effects", Stata Journal 20). Each removal may leave another one.
        """
        group = self.category * (self.month.max(initial=0) + 1) + self.month
        kept = np.ones(len(self.units), dtype=bool)
        while True:
            before = kept.sum()
            for part in (self.offer, group):
                kept &= np.bincount(part, self.units * kept)[part] > 0
            if kept.sum() == before:
                return kept


@dataclass(frozen=True)
class Fit:
    """Estimates and their covariance, clustered by offer: pooled (one row) or one row per category.

    `estimate` (rows, k) and `covariance` (rows, k, k) are NaN where nothing identifies them. `offer_effect` (offers,)
    are logs, NaN for an offer without an informative cell. `offer_error` (offers,) is the standard error that the first
    regressor's estimate from one offer alone would have, infinite where its price never moved. `dispersion` is
    Pearson's: the variance of units over their mean.
    """

    estimate: Array
    covariance: Array
    offer_effect: Array
    offer_error: Array
    dispersion: float

    @property
    def standard_error(self) -> Array:
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))


def fit(cells: Cells, x: Array, *, by_category: bool = False) -> Fit:
    """The estimates for regressors `x` of shape (cells, k): one for all categories, or each category's own.

    `cells` are informative. The covariance is the sandwich with the scores summed per offer, times G / (G - 1) for G
    offers (Cameron and Miller 2015, Journal of Human Resources 50).
    """
    likelihood = _Likelihood(cells, x)
    b = np.zeros((likelihood.categories, x.shape[1]))
    months = np.zeros((likelihood.categories, likelihood.months))
    while True:
        point = _maximized(likelihood, b, months, by_category=by_category)
        b, months = point.b, point.months
        cells = likelihood.cells
        finite = (cells.units > 0) | (point.expected > MIN_EXPECTED)
        if finite.all():
            return likelihood.fitted(point, by_category=by_category)
        x = x[finite]
        likelihood = _Likelihood(cells.where(finite), x)


def _maximized(likelihood: "_Likelihood", b: Array, months: Array, *, by_category: bool) -> "_Point":
    """The maximum by Newton's method, halving a step that overshoots."""
    point = likelihood.at(b, months)
    for _ in range(MAX_STEPS):
        step_b, step_months = point.step(by_category=by_category)
        gain = np.sum(step_b * point.gradient_b) + np.sum(step_months * point.gradient_months)
        if gain < TOLERANCE and np.abs(step_b).max(initial=0.0) < TOLERANCE_OF_B:
            break
        share = min(1.0, MAX_STEP / max(np.abs(step_b).max(initial=0.0), np.abs(step_months).max()))
        following = point
        for _ in range(MAX_HALVINGS):
            following = likelihood.at(point.b + share * step_b, point.months + share * step_months)
            if following.value >= point.value:
                break
            share /= 2
        point = following
    return point


class _Likelihood:
    """The log-likelihood of cells as a function of `b` (categories, k) and the months' effects (categories, months)."""

    def __init__(self, cells: Cells, x: Array) -> None:
        self.cells = cells
        self.offer_codes, self.offer = np.unique(cells.offer, return_inverse=True)
        self.category_codes, self.category = np.unique(cells.category, return_inverse=True)
        self.offers, self.categories = len(self.offer_codes), len(self.category_codes)
        # Only months with a sale: the effort grows with the square of their number, and one stray date adds centuries.
        month_codes, self.month = np.unique(cells.month, return_inverse=True)
        self.months = len(month_codes)
        self.group = self.category * self.months + self.month
        self.units = self.per_offer(cells.units)
        first = np.flatnonzero(np.diff(self.offer, prepend=-1))
        self.category_of_offer = self.category[first]
        self.starts = np.flatnonzero(np.diff(self.category_of_offer, prepend=-1))
        # The mean log price of an offer belongs to its effect; without it the sums keep their digits.
        self.means = stacked([self.per_offer(column * cells.units) / self.units for column in x.T], self.offers)
        self.x = x - self.means[self.offer]

    def per_offer(self, values: Array) -> Array:
        return np.bincount(self.offer, values, minlength=self.offers)

    def per_group(self, values: Array) -> Array:
        """Sums per category and month, of shape (categories, months)."""
        size = self.categories * self.months
        return np.bincount(self.group, values, minlength=size).reshape(self.categories, self.months)

    def per_category(self, of_offers: Array) -> Array:
        """Sums over the offers of each category; the first axis is the offers'."""
        return np.add.reduceat(of_offers, self.starts, axis=0)

    def at(self, b: Array, months: Array) -> "_Point":
        return _Point(self, b, months)

    def fitted(self, point: "_Point", *, by_category: bool) -> Fit:
        """The result at the maximum, under the numbers of offers and categories that the cells had."""
        b = point.b
        offer_effect = np.full(int(self.cells.offer.max()) + 1, np.nan)
        level = np.log(self.units) - point.log_scale - np.sum(self.means * b[self.category_of_offer], axis=1)
        offer_effect[self.offer_codes] = level
        covariance, known = point.covariance(by_category=by_category)
        rows = int(self.cells.category.max()) + 1 if by_category else 1
        at = self.category_codes if by_category else np.zeros(1, dtype=np.int64)
        estimates = np.full((rows, b.shape[1]), np.nan)
        covariances = np.full((rows, b.shape[1], b.shape[1]), np.nan)
        estimates[at[known]], covariances[at[known]] = b[: len(at)][known], covariance[known]
        error = np.full_like(offer_effect, np.nan)
        error[self.offer_codes] = point.offer_error
        return Fit(estimates, covariances, offer_effect, error, point.dispersion)


class _Point:
    """Value, gradient and curvature of the likelihood at one place."""

    def __init__(self, of: _Likelihood, b: Array, months: Array) -> None:
        self.of, self.b, self.months = of, b, months
        index = months[of.category, of.month] + np.sum(of.x * b[of.category], axis=1)
        expected = np.exp(index) * of.cells.weeks
        scale = of.per_offer(expected)
        self.log_scale = np.log(scale)
        self.expected = expected * (of.units / scale)[of.offer]
        self.residual = of.cells.units - self.expected
        self.value = float(np.sum(of.cells.units * index) - np.sum(of.units * self.log_scale))
        self.gradient_months = of.per_group(self.residual)
        weighted = [self.residual * column for column in of.x.T]
        self.gradient_b = stacked([np.bincount(of.category, column) for column in weighted], of.categories)

    @property
    def dispersion(self) -> float:
        """Pearson's statistic per degree of freedom (McCullagh and Nelder 1989, section 6.2.4); at least 1."""
        effects = self.of.offers + len(np.unique(self.of.group)) - self.of.categories + self.b.shape[1]
        freedom = max(len(self.expected) - effects, 1)
        return max(1.0, float(np.sum(self.residual**2 / self.expected)) / freedom)

    @property
    def offer_error(self) -> Array:
        """The standard error of the first regressor from each offer alone, the months' effects being known."""
        of = self.of
        x = of.x[:, 0] if of.x.shape[1] else np.zeros(len(of.offer))
        information = of.per_offer(self.expected * x**2) - of.per_offer(self.expected * x) ** 2 / of.units
        moves = information > MIN_INFORMATION
        return np.where(moves, 1 / np.sqrt(np.where(moves, information, 1.0)), np.inf)

    @cached_property
    def eliminated(self) -> tuple[Array, Array, Array]:
        """The months' blocks (c, m, m), the months' curvature with b (c, m, k), and what is left for b (c, k, k)."""
        of = self.of
        k = of.x.shape[1]
        size = of.offers * of.months
        months_of = np.bincount(of.offer * of.months + of.month, self.expected, minlength=size)
        months_of = months_of.reshape(of.offers, of.months)
        shares = months_of / of.units[:, None]
        # Not `@`: BLAS adds in an order that depends on its threads.
        ranges = [slice(first, last) for first, last in pairwise([*of.starts, of.offers])]
        blocks = np.stack([-np.einsum("om,on->mn", months_of[rows], shares[rows]) for rows in ranges])
        diagonal = np.arange(of.months)
        of_category = of.per_category(of.units)
        blocks[:, diagonal, diagonal] += of.per_category(months_of) + RIDGE * of_category[:, None]
        cross = np.empty((of.categories, of.months, k))
        own = np.empty((of.categories, k, k))
        sums = stacked([of.per_offer(self.expected * column) for column in of.x.T], of.offers)
        for i in range(k):
            cross[:, :, i] = of.per_group(self.expected * of.x[:, i]) - of.per_category(shares * sums[:, [i]])
            for j in range(k):
                squares = np.bincount(of.category, self.expected * of.x[:, i] * of.x[:, j])
                own[:, i, j] = squares - of.per_category(sums[:, i] * sums[:, j] / of.units)
        return blocks, cross, own

    @cached_property
    def projected(self) -> tuple[Array, Array]:
        """Months' effects per unit of each regressor (c, m, k), and the information on b (c, k, k)."""
        blocks, cross, own = self.eliminated
        effects = np.linalg.solve(blocks, cross)
        return effects, own - np.einsum("cmi,cmj->cij", cross, effects)

    def step(self, *, by_category: bool) -> tuple[Array, Array]:
        """Newton's step for b and the months."""
        effects, information = self.projected
        alone = np.linalg.solve(self.eliminated[0], self.gradient_months[:, :, None])[:, :, 0]
        gradient = self.gradient_b - np.einsum("cmi,cm->ci", effects, self.gradient_months)
        if not by_category:
            gradient, information = gradient.sum(axis=0, keepdims=True), information.sum(axis=0, keepdims=True)
        step = np.zeros_like(gradient)
        known = is_identified(information)
        step[known] = np.linalg.solve(information[known], gradient[known][:, :, None])[:, :, 0]
        step = np.broadcast_to(step, self.gradient_b.shape)
        return step, alone - np.einsum("cmi,ci->cm", effects, step)

    def covariance(self, *, by_category: bool) -> tuple[Array, Array]:
        """The sandwich (rows, k, k), and a mask of the rows that are identified."""
        of = self.of
        effects, information = self.projected
        # The score of an offer for b, less what the months' effects explain of it.
        rest = of.x - effects[of.category, of.month]
        scores = stacked([of.per_offer(self.residual * column) for column in rest.T], of.offers)
        products = of.per_category(scores[:, :, None] * scores[:, None, :])
        clusters = of.per_category(np.ones(of.offers))
        if not by_category:
            products, information = products.sum(axis=0, keepdims=True), information.sum(axis=0, keepdims=True)
            clusters = clusters.sum(keepdims=True)
        known = is_identified(information) & (clusters > 1)
        result = np.full_like(information, np.nan)
        inverse = np.linalg.inv(information[known])
        correction = (clusters[known] / (clusters[known] - 1))[:, None, None]
        result[known] = np.einsum("rij,rjk,rkl->ril", inverse, products[known], inverse) * correction
        return result, known


def is_identified(information: Array) -> Array:
    """Mask of the rows (rows, k, k) in which every regressor has some variation of its own."""
    return np.all(np.diagonal(information, axis1=1, axis2=2) > MIN_INFORMATION, axis=1)


def stacked(columns: list[Array], rows: int) -> Array:
    """Columns beside each other, of shape (rows, k); k may be zero."""
    return np.column_stack(columns) if columns else np.empty((rows, 0))
