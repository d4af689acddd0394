"""`olist incidents`: what is open, and a person's acts on it."""

import csv
import io
import json

import dagster as dg
import pytest

from olist_assets.orchestration.instance import instance

SUCCESS, WRONG_USE = 0, 2


@pytest.fixture
def failing_check(settings):
    """An incident: a check that failed, in Dagster's storage."""
    with instance(settings) as storage:
        storage.report_runless_asset_event(
            dg.AssetCheckEvaluation(dg.AssetKey("silver_orders"), "order_id_is_unique", passed=False)
        )


def test_without_an_incident_it_says_so_and_writes_nothing(olist, warehouse):
    assert olist("incidents") == (SUCCESS, "No open incidents.\n")
    assert not warehouse.path("monitoring_incidents").exists()


@pytest.mark.usefixtures("failing_check")
def test_incident_is_listed_acknowledged_muted_and_closed(olist):
    code, text = olist("incidents")
    assert (code, "#1 silver_orders: order_id_is_unique" in text, "docs/runbooks.md#a-check-failed" in text) == (
        0,
        True,
        True,
    )
    code, text = olist("incidents", "ack", "1", "--note", "looking")
    assert (code, text) == (SUCCESS, "✓ #1 silver_orders: order_id_is_unique: acknowledged\n")
    code, text = olist("incidents", "mute", "1", "--until", "2999-01-01")
    assert (code, "muted until 2999-01-01" in text) == (SUCCESS, True)
    _, text = olist("incidents", "--format", "json")
    (record,) = json.loads(text)
    assert (record["note"], record["muted_until"], record["closed_at"]) == ("looking", "2999-01-01", None)
    assert olist("incidents", "close", "1")[0] == SUCCESS
    assert olist("incidents") == (SUCCESS, "No open incidents.\n")
    _, text = olist("incidents", "--all", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["incident_id"], row["severity"], bool(row["closed_at"])) == ("1", "failed check", True)


def test_unknown_incident_and_wrong_day_are_messages(olist):
    assert olist("incidents", "ack", "7") == (WRONG_USE, "Error: There is no incident 7. Open incidents: none.\n")
    assert olist("incidents", "mute", "7", "--until", "soon")[0] == WRONG_USE
