"""The constants of the forecasts, as run configuration.

The defaults were chosen on the published orders, with weekly origins from June 2017 on whose 28 days ended by 27 June
2018; the 56 days since then are for reports only.
"""

from typing import Annotated

from pydantic import BaseModel, Field, field_validator

TOTAL, STATE, CATEGORY, CATEGORY_STATE = "total", "state", "category", "category_state"
LEVELS: tuple[str, ...] = (TOTAL, STATE, CATEGORY, CATEGORY_STATE)
PRODUCT_SHARE = "product_share"
LEVEL_WEEKDAY, SEASONAL_NAIVE, MEAN_28, ZERO = "level_weekday", "seasonal_naive_7", "mean_28", "zero"
CATEGORY_SHARE = "category_share"
CANDIDATES = (LEVEL_WEEKDAY, SEASONAL_NAIVE, MEAN_28)
WEEK = 7
# Longer lead times have too few windows in two years of sales.
MAX_LEAD_DAYS = 60
MIN_SERVICE = 0.5


class ForecastRule(BaseModel):
    """A forecast by level and weekday, and the residuals of its intervals."""

    horizon_days: int = Field(default=28, ge=7, le=MAX_LEAD_DAYS, description="Days that are forecast.")
    level_half_life_days: float = Field(default=21, gt=0, description="Age at which a day has half the weight.")
    weekday_half_life_days: float = Field(default=112, gt=0, description="The same, for the weekday factors.")
    weekday_prior_units: float = Field(
        default=1000, ge=0, description="Units by which a series' weekday factors shrink to those of its level."
    )
    relative_variance: float = Field(
        default=0.1, ge=0, description="Of a residual's variance: the part that grows with the squared forecast."
    )
    spread_prior_residuals: float = Field(
        default=40, gt=0, description="Residuals by which a series' spread shrinks to that of its level."
    )
    recent_days: int = Field(
        default=56,
        ge=7,
        description="Days before an origin in which a series must have sold; also those of the shares.",
    )


class EvaluationRule(ForecastRule):
    """The forecasts' constants and those of their evaluation."""

    origins: int = Field(default=8, ge=1, description="Origins that are evaluated, one horizon apart.")
    min_origins: int = Field(
        default=4, ge=1, description="Origins without which no model is preferred to the seasonal naive one."
    )
    resamples: int = Field(default=200, ge=50, description="Bootstrap samples of an interval.")
    seed: int = Field(default=42, ge=0, description="Seed of the bootstrap.")


class ReorderRule(ForecastRule):
    """The forecasts' constants, the lead times and the service levels of reorder points."""

    lead_days: list[Annotated[int, Field(ge=1, le=MAX_LEAD_DAYS)]] = Field(
        default=[7, 14, 28], description="Lead times in days, 1 to 60."
    )
    service_levels: list[Annotated[float, Field(ge=MIN_SERVICE, lt=1)]] = Field(
        default=[0.9, 0.95, 0.98], description="Probabilities of no stockout in the lead time, 0.5 to below 1."
    )

    @field_validator("lead_days", "service_levels")
    @classmethod
    def _each_once(cls, values: list[float]) -> list[float]:
        """The values in ascending order, each once, as they are keys of the table."""
        return sorted(set(values))
