"""Who sends OpenLineage events: the sensor, and `olist` after its own runs; nobody before a receiver is configured."""

from collections import Counter

import dagster as dg
import pytest

from olist_assets.definitions import build_defs
from olist_assets.lineage.events import CURSOR
from olist_assets.lineage.receiver import NotDelivered
from olist_assets.lineage.sensor import lineage_sensor
from olist_assets_tests.lineage.receiver import receiving, run


def test_sensor_sends_and_its_tick_fails_while_nobody_accepts_the_events(storage, port, warehouse):
    sensor = lineage_sensor(warehouse)
    run(storage)
    with pytest.raises(NotDelivered):
        sensor(dg.build_sensor_context(instance=storage))
    with receiving(port) as receiver:
        skipped = sensor(dg.build_sensor_context(instance=storage))
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "Runs whose events were sent: 1."
    assert len(receiver.accepted) == 4


def test_sensor_is_off_until_somebody_turns_it_on(settings):
    sensor = build_defs(settings).resolve_sensor_def("openlineage_events")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED


@pytest.mark.parametrize("disabled", ["", "true"])
def test_nothing_is_sent_before_a_receiver_is_configured_or_if_it_is_disabled(
    storage, warehouse, monkeypatch, tmp_path, capfd, disabled
):
    # The library also looks for a file of settings in the working directory.
    monkeypatch.chdir(tmp_path)
    if disabled:
        monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("OPENLINEAGE_DISABLED", disabled)
    run(storage)
    capfd.readouterr()
    skipped = lineage_sensor(warehouse)(dg.build_sensor_context(instance=storage))
    assert isinstance(skipped, dg.SkipReason)
    assert "OPENLINEAGE_URL" in str(skipped.skip_message)
    assert CURSOR not in storage.daemon_cursor_storage.get_cursor_values({CURSOR})
    assert capfd.readouterr().out == ""


def test_olist_sends_its_own_runs_and_a_receiver_that_is_down_changes_no_exit_code(finished, port, olist_with):
    olist = olist_with(finished.settings)
    code, text = olist("checks", "--select", "bronze_sellers")
    assert (code, "OpenLineage events were not delivered" in text) == (0, True), text
    # Another process of this test run may check the same tables: its run may end at any time.
    with finished.platform.instance() as storage:
        ended = {run.run_id for run in storage.get_runs() if run.is_finished}
    with receiving(port) as receiver:
        code, text = olist("checks", "--select", "bronze_sellers")
    assert (code, "not delivered" in text) == (0, False), text
    events = [event for _, event in receiver.accepted]
    sent = Counter(event["run"]["runId"] for event in events if event["job"]["name"] == "olist")
    # The run that made everything, the first run of checks and the second: each has a start and an end.
    assert {finished.report.run_id, *ended} < set(sent)
    assert set(sent.values()) == {2}
    assert [event["job"]["name"] for event in events].count("silver_orders") == 2
