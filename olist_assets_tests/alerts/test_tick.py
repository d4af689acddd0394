"""Rounds of alerts: each kind of alert, recorded by Dagster itself, sent to a mail server, a webhook and a file."""

import json
from datetime import date

import dagster as dg
import pytest
from pydantic import SecretStr

from olist_assets.checks.thresholds import FRESHNESS_CHECK
from olist_assets.monitoring import event_log
from olist_assets.monitoring.event_log import EventLog
from olist_assets.monitoring.monitoring_incidents import acknowledge, mute, stored_incidents
from olist_assets_tests.alerts.runs import run_check, run_job


def test_each_kind_of_alert_reaches_each_sink_in_one_digest(storage, rounds, mailbox, hook, alert_file, refresh):
    round_ = rounds(mailbox, hook, alert_file)
    run_check(storage, "volume_is_usual", passed=False)
    run_check(storage, "sound", passed=True)
    run_check(storage, FRESHNESS_CHECK, passed=False)
    run_check(storage, "id_is_unique", passed=False, severity=dg.AssetCheckSeverity.ERROR)
    failed = run_job(storage, fails=True)
    refresh("queries/kpis.sql", error="Table gold_daily_metrics does not exist yet")
    # The three checks of one table are one incident, as bad as the worst of them.
    assert "1 failed run, 1 failed check, 1 dashboard failure" in round_()
    assert (len(mailbox.messages), len(hook.posts), len(alert_file.lines())) == (1, 1, 3)
    (message,) = mailbox.messages
    assert (message["To"], message["From"]) == ("a@example.org, b@example.org", "olist@example.org")
    expected = [
        ("#2 nightly: step make_table", f"http://dagster.example:3000/runs/{failed.run_id}"),
        (
            f"#1 gold_table: id_is_unique, {FRESHNESS_CHECK}, volume_is_usual",
            "http://dagster.example:3000/assets/gold_table?view=checks&checkDetail=id_is_unique",
        ),
        ("#3 refresh queries/kpis.sql: query fails", "http://dagster.example:3000/assets/dashboard_refresh"),
    ]
    text = mailbox.text()
    places = [text.index(link) for _, link in expected]
    assert places == sorted(places)
    assert all(title in text for title, _ in expected)
    assert "What to do: docs/runbooks.md#a-check-failed, docs/runbooks.md#data-are-late, " in text
    html = message.get_body(("html",))
    assert html
    assert "the source is gone &lt;now&gt;" in html.get_content()
    assert hook.posts[0]["text"].splitlines()[0] == message["Subject"]
    assert [block["type"] for block in hook.posts[0]["blocks"]] == ["header", *["section"] * 3]
    kinds = ["failed run", "failed check", "dashboard failure"]
    assert [(line["kind"], line["link"]) for line in alert_file.lines()] == [
        (kind, link) for kind, (_, link) in zip(kinds, expected, strict=True)
    ]


def test_events_before_the_first_round_are_not_sent(storage, rounds, alert_file, refresh):
    run_check(storage, "volume_is_usual", passed=False)
    refresh("queries/kpis.sql", error="old")
    round_ = rounds(alert_file)
    assert (round_(), alert_file.lines()) == ("", [])


def test_lasting_failure_is_sent_once_and_its_recovery_once(storage, rounds, alert_file, refresh):
    round_ = rounds(alert_file)
    for passed in (False, False, True, True):
        run_check(storage, "volume_is_usual", passed=passed)
        round_()
    for error in ("gone", "gone", None, None):
        refresh("queries/kpis.sql", error)
        round_()
    for fails in (True, True, False, False):
        run_job(storage, fails=fails)
        round_()
    assert [line["kind"] for line in alert_file.lines()] == [
        "warning", "recovered", "dashboard failure", "recovered", "failed run", "recovered",
    ]  # fmt: skip


def test_failure_and_recovery_between_two_rounds_are_both_sent(storage, rounds, alert_file):
    round_ = rounds(alert_file)
    run_check(storage, "volume_is_usual", passed=False)
    run_check(storage, "volume_is_usual", passed=True)
    round_()
    assert [line["kind"] for line in alert_file.lines()] == ["warning", "recovered"]


def test_another_step_of_the_same_job_is_the_same_incident_and_no_recovery(storage, rounds, alert_file):
    round_ = rounds(alert_file)
    run_job(storage, fails=True, step="first")
    run_job(storage, fails=True, step="second")
    run_job(storage, fails=False, step="second")
    round_()
    assert [(line["kind"], line["title"]) for line in alert_file.lines()] == [("failed run", "#1 nightly: step first")]
    run_job(storage, fails=False, step="first")
    round_()
    assert [line["kind"] for line in alert_file.lines()] == ["failed run", "recovered"]


def test_acknowledged_incident_is_not_repeated_and_a_further_check_is_reported(storage, rounds, alert_file):
    round_ = rounds(alert_file)
    run_check(storage, "first", passed=False)
    assert round_()
    acknowledge(round_.warehouse, EventLog(storage, round_.warehouse), 1, "looking")
    run_check(storage, "first", passed=False)
    assert round_(alert_quiet_hours=0) == ""
    run_check(storage, "second", passed=False)
    assert round_() == "file: Olist lakehouse: 1 warning"
    for name in ("first", "second"):
        run_check(storage, name, passed=True)
    round_()
    assert [line["kind"] for line in alert_file.lines()] == ["warning", "warning", "recovered"]


def test_muted_incident_is_silent_until_its_day_or_until_it_gets_worse(storage, rounds, alert_file):
    round_ = rounds(alert_file)
    log = EventLog(storage, round_.warehouse)
    run_check(storage, "first", passed=False)
    # Muted before any sink had it.
    mute(round_.warehouse, log, 1, date(2999, 1, 1), None)
    assert round_() == ""
    run_check(storage, "first", passed=False, severity=dg.AssetCheckSeverity.ERROR)
    assert round_() == "file: Olist lakehouse: 1 failed check"
    mute(round_.warehouse, log, 1, date(2020, 1, 1), None)
    run_check(storage, "first", passed=False)
    assert round_() == ""
    run_check(storage, "first", passed=False)
    assert round_(alert_quiet_hours=0) == "file: Olist lakehouse: 1 failed check"


def test_sink_with_a_cursor_from_before_incidents_receives_the_open_ones(storage, rounds, alert_file):
    round_ = rounds(alert_file)
    run_check(storage, "closed", passed=False)
    run_check(storage, "closed", passed=True)
    run_check(storage, "open", passed=False)
    round_.cursor = json.dumps({"file": {"event": 1, "audit": 0, "told": {"check:gold_table:open": ["warning", 1.0]}}})
    round_()
    assert [line["title"] for line in alert_file.lines()] == ["#2 gold_table: open"]


def test_sink_that_is_down_loses_nothing_and_delays_no_other(storage, rounds, hook, alert_file, refresh):
    round_ = rounds(hook, alert_file)
    hook.status = 503
    run_check(storage, "first", passed=False)
    assert "webhook: the webhook answers 503" in round_()
    assert not round_.is_well
    run_check(storage, "second", passed=False)
    refresh("queries/kpis.sql", error="gone")
    round_()
    assert (len(alert_file.lines()), hook.posts) == (3, [])
    hook.status = 200
    assert "webhook: Olist lakehouse: 1 dashboard failure, 1 warning" in round_()
    assert round_.is_well
    assert (len(alert_file.lines()), len(hook.posts)) == (3, 1)
    assert all(name in hook.posts[0]["text"] for name in ("first", "second", "queries/kpis.sql"))
    assert round_() == ""


def test_unreachable_webhook_is_reported_without_the_secret(storage, rounds, hook):
    round_ = rounds(hook)
    run_check(storage, "first", passed=False)
    text = round_(alert_webhook=SecretStr("http://127.0.0.1:9/sEcReT"))
    assert "cannot be reached (ConnectionError)" in text
    assert "sEcReT" not in f"{text}{round_.cursor}"
    assert hook.posts == []


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        ({"alert_smtp_port": 9}, "the mail server cannot be used (ConnectionRefusedError)"),
        (
            {"alert_smtp_user": "u", "alert_smtp_password": SecretStr("sEcReT")},
            "the mail server cannot be used (SMTPNotSupportedError)",
        ),
        ({"alert_smtp_tls": "starttls"}, "the mail server cannot be used (SMTPNotSupportedError)"),
    ],
)
def test_mail_server_that_accepts_nothing_is_reported_and_sent_to_later(storage, rounds, mailbox, changed, reported):
    round_ = rounds(mailbox)
    run_check(storage, "first", passed=False)
    text = round_(**changed)
    assert reported in text
    assert "sEcReT" not in text
    assert mailbox.messages == []
    round_()
    assert len(mailbox.messages) == 1


def test_many_events_are_sent_in_batches_and_none_is_lost(storage, rounds, alert_file, refresh, monkeypatch):
    monkeypatch.setattr(event_log, "BATCH", 2)
    round_ = rounds(alert_file)
    # One kind after the other: a batch of the second must not skip the rest of the first.
    for number in range(3):
        run_check(storage, f"check_{number}", passed=False)
    for number in range(3):
        run_job(storage, fails=True, step=f"step_{number}")
        refresh(f"query_{number}", error="gone")
    for _ in range(6):
        round_()
    sent = [line["subject"] for line in alert_file.lines()]
    assert len(sent) == len(set(sent)) == 5
    assert sum(len(incident.failing) for incident in stored_incidents(round_.warehouse)) == 9


def test_without_a_sink_nothing_is_done(storage, rounds):
    round_ = rounds()
    run_check(storage, "first", passed=False)
    assert (round_(), round_.cursor, round_.is_well) == ("", "{}", True)
