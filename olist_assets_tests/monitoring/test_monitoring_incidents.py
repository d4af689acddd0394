"""monitoring_incidents: events are recorded once, whoever observes them, and a person's acts survive."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest

from olist_assets.errors import OlistError
from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.monitoring import event_log, monitoring_incidents
from olist_assets.monitoring.event_log import EventLog, Position
from olist_assets.monitoring.monitoring_incidents import (
    acknowledge,
    close,
    current_incidents,
    mute,
    observe,
    stored_incidents,
)
from olist_assets.user import real_user


@pytest.fixture
def storage() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as storage:
        yield storage


@pytest.fixture
def log(storage: dg.DagsterInstance, warehouse: Warehouse) -> EventLog:
    return EventLog(storage, warehouse)


def report(log: EventLog, *, passed: bool, check: str = "order_id_is_unique", rows: int | str = 2) -> None:
    """A check's evaluation in Dagster's storage, without a run."""
    log.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("silver_orders"), check_name=check, passed=passed, metadata={"offending_rows": rows},
            severity=dg.AssetCheckSeverity.ERROR,
        )
    )  # fmt: skip


def test_observed_incident_is_stored_once_and_closed_by_the_recovery(warehouse, log):
    report(log, passed=False)
    rows, is_complete = observe(warehouse, log)
    assert (len(rows), is_complete, observe(warehouse, log)) == (1, True, ([], True))
    (found,) = stored_incidents(warehouse)
    assert (found.incident_id, found.origin, found.severity) == (1, "silver_orders", "failed check")
    assert (found.problem, found.checks) == ("offending_rows: 2", ("check:silver_orders:order_id_is_unique",))
    assert "silver_orders_master" in found.affects
    report(log, passed=True)
    # What is not recorded yet is shown, and not written.
    assert current_incidents(warehouse, log)[0].closed_at
    assert stored_incidents(warehouse) == [found]
    observe(warehouse, log)
    assert stored_incidents(warehouse)[0].closed_at


def test_events_are_recorded_once_after_a_process_was_killed_between_rows_and_position(warehouse, log, monkeypatch):
    report(log, passed=False)
    report(log, passed=True)
    with monkeypatch.context() as patch:
        patch.setattr(log, "store", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            observe(warehouse, log)
    assert log.read_up_to() == Position()
    assert observe(warehouse, log) == ([], True)
    assert len(stored_incidents(warehouse)) == 1


def test_many_events_are_read_in_some_observations_and_none_is_lost(warehouse, log, monkeypatch):
    monkeypatch.setattr(event_log, "BATCH", 2)
    monkeypatch.setattr(monitoring_incidents, "MAX_BATCHES", 2)
    for number in range(7):
        report(log, passed=False, check=f"check_{number}")
    assert len(current_incidents(warehouse, log)[0].checks) == 7
    assert [observe(warehouse, log)[1] for _ in range(2)] == [False, True]
    assert len(stored_incidents(warehouse)[0].checks) == 7


def test_storage_that_was_replaced_is_read_from_its_beginning(warehouse, log):
    for _ in range(3):
        report(log, passed=False)
    observe(warehouse, log)
    with dg.DagsterInstance.ephemeral() as other:
        new = EventLog(other, warehouse)
        report(new, passed=True)
        observe(warehouse, new)
    assert stored_incidents(warehouse)[0].closed_at


def test_acts_survive_further_events_and_are_in_the_audit_log(warehouse, log):
    report(log, passed=False)
    # An act on an incident that is not recorded yet records it first.
    acknowledge(warehouse, log, 1, "looking")
    mute(warehouse, log, 1, date(2999, 1, 1), None)
    report(log, passed=False, check="row_count_is_positive")
    observe(warehouse, log)
    (found,) = stored_incidents(warehouse)
    assert (found.acknowledged_by, found.note, found.muted_until) == (real_user(), "looking", date(2999, 1, 1))
    assert (len(found.failing), found.recorded_by) == (2, None)
    assert close(warehouse, log, 1, "it is right").closed_at
    entries = audit_log.latest(warehouse, 5, {"action": "incident"})
    assert [entry["statement"] for entry in entries] == ["close 1", "mute 1", "ack 1"]
    assert all(entry["by"].startswith(f"{real_user()}@") for entry in entries)
    # The next failure is another incident.
    report(log, passed=False)
    observe(warehouse, log)
    assert [(each.incident_id, each.closed_at is None) for each in stored_incidents(warehouse)] == [
        (1, False),
        (2, True),
    ]
    with pytest.raises(OlistError, match=r"Incident 1 was closed at .* Open incidents: 2"):
        acknowledge(warehouse, log, 1, None)
    with pytest.raises(OlistError, match=r"There is no incident 3. Open incidents: 2"):
        close(warehouse, log, 3, None)


def test_table_keeps_no_id_of_a_customer(warehouse, log):
    customer = "0123456789abcdef" * 2
    report(log, passed=False, rows=f"customer {customer}")
    (row,) = observe(warehouse, log)[0]
    found = acknowledge(warehouse, log, 1, f"Ask {customer}.")
    assert (row["problem"].startswith("offending_rows: customer "), str(found.note)[:4]) == (True, "Ask ")
    assert customer not in f"{row}{found}"


def test_asset_records_what_is_new_beside_the_alerts(warehouse, storage, log, materialize):
    report(log, passed=False)
    observe(warehouse, log)
    report(log, passed=True)
    assert materialize(monitoring_incidents.monitoring_incidents, instance=storage)
    assert materialize(monitoring_incidents.monitoring_incidents, instance=storage)
    stored = warehouse.open("monitoring_incidents").to_pyarrow_table().to_pylist()
    assert [(row["revision"], row["closed_at"] is None) for row in sorted(stored, key=lambda row: row["revision"])] == [
        (1, True), (2, False),
    ]  # fmt: skip
