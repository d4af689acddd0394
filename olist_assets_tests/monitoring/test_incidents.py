"""Which events are one incident, when it closes, and what it touches."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from olist_assets.catalog import catalog
from olist_assets.monitoring.incidents import Event, Incidents, Severity

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(subject: str, severity: Severity | None = "warning", minutes: float = 0, run_id: str | None = None) -> Event:
    """An event of a check, `table:check`, or of another subject."""
    return Event(
        severity, f"check:{subject}", subject.split(":")[0], "rows: 7", NOON + timedelta(minutes=minutes), 1, run_id
    )


@pytest.fixture
def incidents() -> Incidents:
    return Incidents([], catalog())


def states(incidents: Incidents) -> list[tuple[str, int, bool]]:
    """Origin, number of checks and whether it is open, by incident."""
    return [(each.origin, len(each.checks), each.closed_at is None) for each in incidents.all]


def test_checks_of_one_table_are_one_incident_that_closes_with_the_last_recovery(incidents):
    incidents.add([event("silver_orders:a"), event("silver_orders:b", "failed check", 200)])
    (found,) = incidents.all
    assert (found.severity, found.failing) == ("failed check", ("check:silver_orders:b", "check:silver_orders:a"))
    assert (found.opened_at, found.last_seen_at) == (NOON, NOON + timedelta(minutes=200))
    assert "gold_daily_metrics" in found.affects
    assert "silver_customers" not in found.affects
    incidents.add([event("silver_orders:b", None, 210)])
    assert states(incidents) == [("silver_orders", 2, True)]
    # It stays as bad as the worst of its events.
    assert incidents.all[0].severity == "failed check"
    (closed,) = incidents.add([event("silver_orders:a", None, 220)])
    assert (closed.closed_at, closed.failing, len(closed.checks)) == (NOON + timedelta(minutes=220), (), 2)
    incidents.add([event("silver_orders:a", minutes=230)])
    assert [each.incident_id for each in incidents.all] == [1, 2]


def test_tables_downstream_that_fail_soon_after_are_the_same_incident_and_later_ones_are_not(incidents):
    incidents.add([event("silver_orders:a"), event("gold_daily_metrics:b", minutes=59)])
    incidents.add([event("gold_customer_metrics:c", minutes=200), event("silver_products:d", minutes=200)])
    assert states(incidents) == [
        ("silver_orders", 2, True),
        ("gold_customer_metrics", 1, True),
        ("silver_products", 1, True),
    ]


def test_incident_is_named_by_the_most_upstream_table_of_its_run(incidents):
    incidents.add([event("gold_daily_metrics:a", run_id="r"), event("silver_orders:b", minutes=1, run_id="r")])
    (found,) = incidents.all
    assert (found.origin, "gold_daily_metrics" in found.affects) == ("silver_orders", True)
    # Of another run it has a cause of its own.
    incidents.add([event("bronze_orders:c", minutes=2, run_id="s")])
    assert [each.origin for each in incidents.all] == ["silver_orders", "bronze_orders"]


def test_warning_upstream_does_not_hide_a_failure_downstream(incidents):
    incidents.add([event("bronze_orders:a", run_id="r"), event("silver_orders:b", "failed check", run_id="r")])
    incidents.add([event("gold_daily_metrics:c", "failed run", run_id="r"), event("silver_purchases:d", run_id="r")])
    assert states(incidents) == [("bronze_orders", 2, True), ("silver_orders", 2, True)]
    # Nor does a warning upstream give its name to a failure that is known already.
    incidents.add([event("silver_customers:e", run_id="r")])
    assert [each.origin for each in incidents.all] == ["bronze_orders", "silver_orders", "silver_customers"]


def test_recovery_of_what_never_failed_and_a_repetition_change_no_incident(incidents):
    assert incidents.add([event("silver_orders:a", None)]) == []
    assert [each.revision for each in incidents.add([event("silver_orders:a")])] == [1]
    assert incidents.add([event("silver_orders:a")]) == []
    assert [each.revision for each in incidents.add([event("silver_orders:a", minutes=1)])] == [2]


def test_job_without_a_table_is_an_incident_of_its_own(incidents):
    failed = replace(event("x"), subject="run:nightly:", origin="nightly", severity="failed run")
    incidents.add([failed, event("silver_orders:a")])
    assert [(each.origin, bool(each.affects)) for each in incidents.all] == [
        ("nightly", False),
        ("silver_orders", True),
    ]
