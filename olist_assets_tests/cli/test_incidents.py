"""`olist incidents`: what is open, and a person's acts on it."""

import csv
import io
import json

import dagster as dg

from olist_assets.orchestration.instance import instance

SUCCESS, WRONG_USE = 0, 2


def test_incident_is_listed_acknowledged_muted_and_closed(olist, settings, warehouse):
    assert olist("incidents") == (SUCCESS, "No open incidents.\n")
    assert not warehouse.path("monitoring_incidents").exists()
    assert olist("incidents", "ack", "1") == (WRONG_USE, "Error: There is no incident 1. Open incidents: none.\n")
    assert olist("incidents", "mute", "1", "--until", "soon")[0] == WRONG_USE
    with instance(settings) as storage:
        storage.report_runless_asset_event(
            dg.AssetCheckEvaluation(dg.AssetKey("silver_orders"), "order_id_is_unique", passed=False)
        )
    code, text = olist("incidents")
    assert (code, "#1 silver_orders: order_id_is_unique" in text) == (SUCCESS, True)
    assert "docs/runbooks.md#a-check-failed" in text
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
    for act in ("ack", "mute", "close"):
        assert f"\n  olist incidents {act} 3" in olist("incidents", act, "--help")[1]
        assert olist(act)[0] == WRONG_USE
