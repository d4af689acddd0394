"""commit_is_on_time: the pauses between commits are learnt, and a table that is not written any more warns."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from olist_assets.checks.commit_times import next_commit_due
from olist_assets.lakehouse.delta_log import commits
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.checks import verdicts
from olist_assets_tests.rows import store

NIGHT = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)
DELAY = timedelta(hours=3)


def nights(*days: float) -> list[datetime]:
    return [NIGHT + timedelta(day) for day in days]


@pytest.mark.parametrize(
    ("times", "due"),
    [
        (nights(0, 1, 2, 3, 4), None),  # four pauses are no habit
        (nights(0, 1, 2, 3, 4, 5), NIGHT + timedelta(6) + DELAY),
        (nights(0, 1, 2, 3, 4, 7, 8), NIGHT + timedelta(11) + DELAY),  # working days
        (nights(*(n / 100 for n in range(60))), None),  # reruns of one day
        (nights(-10, *range(11)), NIGHT + timedelta(11) + DELAY),  # a long pause of the past is forgotten
        ([], None),
    ],
)
def test_the_next_commit_is_due_after_the_longest_usual_pause(times, due):
    assert next_commit_due(times, DELAY) == due


@pytest.mark.parametrize(("hours_ago", "passes"), [(26, True), (28, False)])
def test_a_table_that_is_written_every_night_warns_when_a_night_is_missing(orders, hours_ago, passes):
    for _ in range(6):
        store(orders, SILVER_ORDERS, {"order_id": "a"})
    newest = datetime.now(UTC) - timedelta(hours=hours_ago)
    for nights_before, commit in enumerate(commits(orders.path(SILVER_ORDERS.name))):
        at = newest - timedelta(nights_before)
        lines = [json.loads(line) for line in commit.path.read_text().splitlines()]
        for line in lines:
            if "commitInfo" in line:
                line["commitInfo"]["timestamp"] = int(at.timestamp() * 1000)
        commit.path.write_text("\n".join(map(json.dumps, lines)))
    result = verdicts.verdict(orders, SILVER_ORDERS, "commit_is_on_time")
    assert (result.passed, result.severity) == (passes, dg.AssetCheckSeverity.WARN)
    assert {"newest_commit", "due"} == set(result.metadata)


def test_a_table_without_a_habit_is_not_late(orders):
    store(orders, SILVER_ORDERS, {"order_id": "a"})
    result = verdicts.verdict(orders, SILVER_ORDERS, "commit_is_on_time")
    assert (result.passed, verdicts.metrics(result)["history"]) == (True, "too short: 1 days with a commit")
