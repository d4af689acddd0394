"""`olist alerts`: test messages to the sinks, and one round without a daemon."""

import pytest

from olist_assets.alerts.sinks import configured
from olist_assets.governance import audit_log
from olist_assets_tests.alerts.sinks import AlertFile, running_hook
from olist_assets_tests.conftest import settings_in

SUCCESS, FAILED, WRONG_USE = 0, 1, 2


@pytest.fixture
def hook():
    with running_hook() as hook:
        yield hook


def test_test_message_goes_to_each_sink_and_a_refusal_is_exit_code_1(olist_with, tmp_path, sample, hook):
    file = AlertFile(tmp_path / "alerts.jsonl")
    settings = settings_in(tmp_path, sample, **hook.settings, **file.settings)
    olist = olist_with(settings)
    assert olist("alerts", "--test") == (SUCCESS, "✓ webhook\n✓ file\n")
    assert "A test" in hook.posts[0]["text"]
    assert len(file.lines()) == 1
    hook.status = 403
    code, text = olist("alerts", "--test")
    assert (code, "✗ webhook: the webhook refuses (403)" in text, "sEcReT" in text) == (FAILED, True, False)
    code, text = olist("doctor")
    assert ("OLIST_ALERT_WEBHOOK" in text, "sEcReT" in text, "alerts           to webhook, file" in text) == (
        True, False, True,
    )  # fmt: skip
    assert list(configured(settings)) == ["webhook", "file"]


def test_one_round_sends_events_since_the_last_one(olist_with, tmp_path, sample, warehouse):
    file = AlertFile(tmp_path / "alerts.jsonl")
    olist = olist_with(settings_in(tmp_path, sample, **file.settings))
    assert olist("alerts", "--once") == (SUCCESS, "file: alerts start here\n")
    audit_log.record(warehouse, "dashboard", [], statement="health page", error="a table is gone")
    assert olist("alerts", "--once") == (SUCCESS, "file: Olist lakehouse: 1 dashboard failure\n")
    assert olist("alerts", "--once") == (SUCCESS, "No new events.\n")
    (line,) = file.lines()
    assert line["text"].startswith("a table is gone. Since ")


def test_exactly_one_of_the_two_options_is_given(olist):
    for words in ((), ("--test", "--once")):
        code, text = olist("alerts", *words)
        assert (code, "Give either --test or --once" in text) == (WRONG_USE, True)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "No sink is configured"),
        ({"EMAIL_TO": "a@example.org"}, "set OLIST_ALERT_EMAIL_FROM and OLIST_ALERT_SMTP_HOST too"),
        ({"SMTP_TLS": "maybe"}, "OLIST_ALERT_SMTP_TLS"),
    ],
)
def test_missing_or_invalid_setting_is_named(olist, monkeypatch, variables, message):
    for name, value in variables.items():
        monkeypatch.setenv(f"OLIST_ALERT_{name}", value)
    code, text = olist("alerts", "--test")
    assert (code, message in text, "Traceback" in text) == (WRONG_USE, True, False)
