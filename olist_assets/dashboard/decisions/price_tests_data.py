"""What the tab of price tests shows. All functions raise Missing and QueryFailed."""

from collections.abc import Sequence

import pandas as pd

from olist_assets.dashboard import data
from olist_assets.decisions.price_tests.analysis import (
    AGO,
    AHEAD,
    ALL,
    BEFORE_LAST_TWO,
    CHANGE,
    LAST_TWO,
    PERMUTED,
    PLACEBO,
    POOLED,
)

NAMES = {
    (POOLED, ALL): "all offers",
    (POOLED, BEFORE_LAST_TWO): "all offers, before the last two months",
    (POOLED, LAST_TWO): "all offers, last two months alone",
    (PLACEBO, AHEAD): "price four weeks ahead",
    (PLACEBO, AGO): "price four weeks ago",
    (PLACEBO, PERMUTED): "prices of other offers",
    (CHANGE, LAST_TWO): "last two months",
    (CHANGE, ALL): "all months",
}


def estimates(*scopes: str) -> pd.DataFrame:
    """The estimates of scopes that have an interval, with the `title` that is shown for each.

    Scopes are in the order given, categories by their shrunk estimate.
    """
    found = data.answer(
        "FROM gold_price_elasticities WHERE low IS NOT NULL AND list_contains($scopes, scope) "
        "ORDER BY list_position($scopes, scope), shrunk, name",
        scopes=list(scopes),
    )
    keys = zip(found["scope"], found["name"], strict=True)
    return found.assign(title=[NAMES.get(key, key[1].replace("_", " ")) for key in keys])


def categories() -> list[str]:
    """Categories with an allowed test."""
    names = data.answer(
        "SELECT DISTINCT product_category_name_english AS name FROM gold_price_scenarios WHERE is_allowed ORDER BY name"
    )
    return names["name"].tolist()


def scenarios(chosen: Sequence[str]) -> pd.DataFrame:
    """The allowed tests of some categories, or of all if none is chosen, by rank."""
    return data.answer(
        """
        SELECT rank, product_category_name_english AS category, step, price, new_price, revenue_change, low, high,
            p_gain, expected_gain, weeks_to_test, offers_to_test, unit_cost_share, product_id, seller_id
        FROM gold_price_scenarios
        WHERE is_allowed AND (len($chosen) = 0 OR list_contains($chosen, product_category_name_english)) ORDER BY rank
        """,
        chosen=list(chosen),
    )


def refused() -> pd.DataFrame:
    """How many steps are refused, by `reason`."""
    return data.answer(
        "SELECT refused_because AS reason, count(*) AS scenarios FROM gold_price_scenarios "
        "WHERE NOT is_allowed GROUP BY ALL ORDER BY scenarios DESC, reason"
    )
