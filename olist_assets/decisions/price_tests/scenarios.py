"""What another price would do to revenue, how sure that is, and how long a test would have to run.

With a constant elasticity e a price that is changed by the share s sells (1 + s)^e times the units. Everything here
rises or falls with e, so the ends of an interval of e are those of what follows from it.
"""

from statistics import NormalDist

import numpy as np

from olist_assets.decisions.price_tests.poisson import Array

NORMAL = NormalDist()
# A smaller change is a rounding error.
MIN_CHANGE = 1e-9


def revenue_change(step: Array, elasticity: Array) -> Array:
    """The relative change of revenue."""
    return (1 + step) ** (1 + elasticity) - 1


def gain_change(step: Array, elasticity: Array, unit_cost_share: float) -> Array:
    """The relative change of revenue less unit costs, which are a share of the present price."""
    return (1 + step - unit_cost_share) / (1 - unit_cost_share) * (1 + step) ** elasticity - 1


def p_gain(step: Array, elasticity: Array, standard_error: Array, unit_cost_share: float) -> Array:
    """The probability that revenue less unit costs rises, for a normally distributed elasticity.

    It rises where e log(1 + s) > log((1 - c) / (1 + s - c)); at a price below the unit cost it never does.
    """
    margin = 1 + step - unit_cost_share
    is_profitable = margin > 0
    needed = np.log((1 - unit_cost_share) / np.where(is_profitable, margin, 1.0))
    slope = np.log1p(step)
    z = (elasticity * slope - needed) / (standard_error * np.abs(slope))
    return np.where(is_profitable, cumulative(z), 0.0)


def cumulative(z: Array) -> Array:
    """The standard normal distribution at each of the values."""
    values, of_row = np.unique(z, return_inverse=True)
    return np.array([NORMAL.cdf(value) for value in values])[of_row]


def weeks_to_test(
    step: Array,
    elasticity: Array,
    weekly_units: Array,
    *,
    dispersion: float,
    unit_cost_share: float = 0.0,
    significance: float = 0.05,
    power: float = 0.8,
) -> Array:
    """Weeks of a test that has the new price in every second week, until the change of the gain is seen.

    The log of a ratio of two Poisson rates has the variance 1 / units + 1 / units, here times the dispersion (Gu, Ng,
    Tang and Schucany 2008, "Testing the ratio of two Poisson rates", Biometrical Journal 50). Prices are known, so the
    ratio of the gains has the same. Infinite where there is no change to see.
    """
    z = NORMAL.inv_cdf(1 - significance / 2) + NORMAL.inv_cdf(power)
    change = gain_change(step, elasticity, unit_cost_share)
    can_be_seen = (change > -1) & (np.abs(change) > MIN_CHANGE)
    effect = np.log1p(np.where(can_be_seen, change, 1.0))
    variance = 2 * dispersion * (1 + (1 + step) ** -elasticity) / weekly_units
    return np.where(can_be_seen, np.ceil(z**2 * variance / effect**2), np.inf)
