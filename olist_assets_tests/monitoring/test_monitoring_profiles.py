"""monitoring_profiles: all days of the tables that exist, written anew only when a value has changed."""

from datetime import datetime, timedelta

from olist_assets.lakehouse.schemas import shape
from olist_assets.monitoring.monitoring_profiles import MONITORING_PROFILES, monitoring_profiles
from olist_assets.silver.silver_order_reviews import SILVER_ORDER_REVIEWS
from olist_assets_tests.rows import store


def write_reviews(warehouse, last_score: int) -> None:
    """Twenty-five reviews on each of 60 days, the last day's with this score."""
    days = [datetime(2018, 1, 1) + timedelta(n) for n in range(60)]
    rows = [
        {"review_id": f"{n}-{m}", "review_creation_date": day, "review_score": 4 if n < 59 else last_score}
        for n, day in enumerate(days)
        for m in range(25)
    ]
    store(warehouse, SILVER_ORDER_REVIEWS, *rows)


def test_the_days_are_replaced_only_when_they_change(warehouse, materialize):
    def stored(metric: str) -> list[dict]:
        rows = warehouse.rows(warehouse.open(MONITORING_PROFILES.name)).sort_by("day").to_pylist()
        return [row for row in rows if row["metric"] == metric]

    assert materialize(monitoring_profiles)
    assert stored("mean") == []
    write_reviews(warehouse, last_score=4)
    assert materialize(monitoring_profiles)
    assert materialize(monitoring_profiles)
    table = warehouse.open(MONITORING_PROFILES.name)
    assert table.version() == 1
    assert shape(table) == {c.name: (c.type, c.nullable) for c in MONITORING_PROFILES.columns}
    first, *_, last = stored("mean")
    assert (first["value"], first["expected"], last["expected"], last["is_unusual"]) == (4.0, None, 4.0, False)
    write_reviews(warehouse, last_score=1)
    assert materialize(monitoring_profiles)
    rows = stored("mean")
    assert (len(rows), rows[-1]["value"], [row["is_unusual"] for row in rows].count(True)) == (60, 1.0, 1)
