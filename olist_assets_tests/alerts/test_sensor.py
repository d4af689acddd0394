"""The sensor `alerts`: whether it is on, and what its ticks report."""

import dagster as dg

from olist_assets.alerts.sensor import alerts_sensor
from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.alerts.runs import run_check


def test_sensor_is_off_until_a_sink_is_configured(settings_for, alert_file):
    def status(**settings):
        return alerts_sensor(Warehouse(settings_for(**settings), catalog())).default_status

    assert status() == dg.DefaultSensorStatus.STOPPED
    assert status(**alert_file.settings) == dg.DefaultSensorStatus.RUNNING
    # On, so that its ticks report the settings that are missing.
    assert status(alert_email_to="a@example.org") == dg.DefaultSensorStatus.RUNNING


def test_refusal_is_reported_by_the_tick_without_the_secret(storage, rounds, hook):
    round_ = rounds(hook)
    hook.status = 404
    run_check(storage, "first", passed=False)
    context = dg.build_sensor_context(instance=storage, cursor=round_.cursor)
    skipped = alerts_sensor(round_.warehouse)(context)
    assert isinstance(skipped, dg.SkipReason)
    text = str(skipped.skip_message)
    assert "refuses (404): check OLIST_ALERT_WEBHOOK" in text
    assert "sEcReT" not in f"{text}{context.cursor}{round_.warehouse.settings!r}"
    hook.status = 200
    sent = alerts_sensor(round_.warehouse)(context)
    assert isinstance(sent, dg.SkipReason)
    assert sent.skip_message == "webhook: Olist lakehouse: 1 warning"
    assert len(hook.posts) == 1
