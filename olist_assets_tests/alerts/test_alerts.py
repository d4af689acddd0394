"""Alerts: each kind once for real in Dagster's storage, to a mail server, a webhook and a file."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from olist_assets.governance import audit_log
from olist_assets.alerts import events
from olist_assets.alerts.alert import MOST_REMEMBERED, Event, worth_telling
from olist_assets.alerts.digest import MOST_OF_A_KIND, digest
from olist_assets.checks.thresholds import FRESHNESS_CHECK
from olist_assets.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUIET = timedelta(hours=24)


def check(storage, name: str, *, passed: bool, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN) -> None:
    """A run of one check of a table."""

    @dg.asset_check(asset="gold_table", name=name)
    def one_check():
        return dg.AssetCheckResult(passed=passed, severity=severity, metadata={"rows": 7})

    @dg.asset
    def gold_table() -> None: ...

    definitions = dg.Definitions(assets=[gold_table], asset_checks=[one_check])
    assert definitions.resolve_implicit_global_asset_job_def().execute_in_process(instance=storage).success


def run(storage, *, fails: bool, step: str = "make_table") -> dg.ExecuteInProcessResult:
    @dg.op(name=step)
    def made() -> None:
        if fails:
            raise RuntimeError("the source is gone <now>")

    @dg.job
    def nightly() -> None:
        made()

    return nightly.execute_in_process(instance=storage, raise_on_error=False)


def refresh(name: str, error: str | None = None) -> None:
    audit_log.record(Settings(), "refresh", ["gold_daily_metrics"], statement=name, seconds=0.1, error=error)


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def alert_file(monkeypatch, tmp_path):
    path = tmp_path / "alerts.jsonl"
    monkeypatch.setenv("OLIST_ALERT_FILE", str(path))
    return path


def test_each_kind_of_alert_arrives_at_each_sink_in_one_digest(storage, rounds, mailbox, hook, alert_file):
    round_ = rounds()
    check(storage, "volume_is_usual", passed=False)
    check(storage, "sound", passed=True)
    check(storage, FRESHNESS_CHECK, passed=False)
    check(storage, "id_is_unique", passed=False, severity=dg.AssetCheckSeverity.ERROR)
    failed = run(storage, fails=True)
    refresh("queries/kpis.sql", error="Table gold_daily_metrics does not exist yet")
    assert "1 failed run, 1 failed check, 1 missed freshness, 1 dashboard failure, 1 warning" in round_()
    assert (len(mailbox.messages), len(hook.posts), len(lines(alert_file))) == (1, 1, 5)
    (message,) = mailbox.messages
    assert (message["To"], message["From"]) == ("a@example.org, b@example.org", "olist@example.org")
    expected = [
        ("nightly at make_table", f"http://dagster.example:3000/runs/{failed.run_id}"),
        ("id_is_unique", "http://dagster.example:3000/assets/gold_table?view=checks&checkDetail=id_is_unique"),
        (FRESHNESS_CHECK, f"http://dagster.example:3000/assets/gold_table?view=checks&checkDetail={FRESHNESS_CHECK}"),
        ("refresh queries/kpis.sql", "http://dagster.example:3000/assets/dashboard_refresh"),
        ("volume_is_usual", "http://dagster.example:3000/assets/gold_table?view=checks&checkDetail=volume_is_usual"),
    ]
    text = mailbox.text()
    places = [text.index(link) for _, link in expected]
    assert places == sorted(places)
    assert all(title in text for title, _ in expected)
    html = message.get_body(("html",))
    assert html
    assert "the source is gone &lt;now&gt;" in html.get_content()
    assert hook.posts[0]["text"].splitlines()[0] == message["Subject"]
    assert [block["type"] for block in hook.posts[0]["blocks"]] == ["header", *["section"] * 5]
    assert [(line["kind"], line["link"]) for line in lines(alert_file)] == [
        (kind, link) for kind, (_, link) in zip(events_kinds(), expected, strict=True)
    ]


def events_kinds() -> list[str]:
    return ["failed run", "failed check", "missed freshness", "dashboard failure", "warning"]


def test_what_was_before_the_first_round_is_not_told(storage, rounds, alert_file):
    check(storage, "volume_is_usual", passed=False)
    refresh("queries/kpis.sql", error="old")
    round_ = rounds()
    assert (round_(), lines(alert_file)) == ("", [])


def test_a_failure_that_stays_is_told_once_and_its_recovery_once(storage, rounds, alert_file):
    round_ = rounds()
    for passed in (False, False, True, True):
        check(storage, "volume_is_usual", passed=passed)
        round_()
    for error in ("gone", "gone", None, None):
        refresh("queries/kpis.sql", error)
        round_()
    for fails in (True, True, False, False):
        run(storage, fails=fails)
        round_()
    assert [line["kind"] for line in lines(alert_file)] == [
        "warning", "recovered", "dashboard failure", "recovered", "failed run", "recovered",
    ]  # fmt: skip


def test_a_failure_and_recovery_between_two_rounds_are_both_told(storage, rounds, alert_file):
    round_ = rounds()
    check(storage, "volume_is_usual", passed=False)
    check(storage, "volume_is_usual", passed=True)
    round_()
    assert [line["kind"] for line in lines(alert_file)] == ["warning", "recovered"]


def test_another_step_of_the_same_job_is_another_alert_and_no_recovery(storage, rounds, alert_file):
    round_ = rounds()
    run(storage, fails=True, step="first")
    run(storage, fails=True, step="second")
    run(storage, fails=False, step="second")
    round_()
    told = [(line["kind"], line["subject"]) for line in lines(alert_file)]
    # A digest has what is well again at its end.
    assert told == [
        ("failed run", "run:nightly:first"),
        ("failed run", "run:nightly:second"),
        ("recovered", "run:nightly:second"),
    ]


def event(kind, subject="s", hours=0.0) -> Event:
    return Event(kind, subject, subject, "text", "link", NOW + timedelta(hours=hours))


def test_the_quiet_period_ends_and_a_worse_failure_does_not_wait_for_it():
    due, told = worth_telling([event("warning", hours=h) for h in (0, 23.9, 24)], {}, QUIET)
    assert [e.at.hour for e in due] == [0, 0]
    assert worth_telling([event("failed check", hours=25)], told, QUIET)[0]
    assert not worth_telling([event("warning", hours=25)], told, QUIET)[0]


def test_what_is_remembered_and_how_much_is_sent_are_bounded():
    many = [event("warning", f"s{n}", n / 1000) for n in range(MOST_REMEMBERED + 10)]
    due, told = worth_telling(many, {}, QUIET)
    assert (len(due), len(told), "s0" in told) == (MOST_REMEMBERED + 10, MOST_REMEMBERED, False)
    message = digest(due)
    assert message.text.count("\n- ") == MOST_OF_A_KIND
    assert f"and {MOST_REMEMBERED + 10 - MOST_OF_A_KIND} more" in message.text
    assert all(len(block["text"]["text"]) <= 3000 for block in message.blocks)


def test_a_dead_sink_loses_nothing_and_the_others_go_on(storage, rounds, hook, alert_file):
    round_ = rounds()
    hook.status = 503
    check(storage, "first", passed=False)
    assert "webhook: the webhook answers 503" in round_()
    assert not round_.is_well
    check(storage, "second", passed=False)
    refresh("queries/kpis.sql", error="gone")
    round_()
    assert (len(lines(alert_file)), hook.posts) == (3, [])
    hook.status = 200
    assert "webhook: Olist lakehouse: 1 dashboard failure, 2 warnings" in round_()
    assert (len(lines(alert_file)), len(hook.posts)) == (3, 1)
    assert all(name in hook.posts[0]["text"] for name in ("first", "second", "queries/kpis.sql"))
    assert round_() == ""


def test_a_refusal_is_said_without_the_secret(storage, rounds, hook, monkeypatch):
    round_ = rounds()
    hook.status = 404
    check(storage, "first", passed=False)
    context = dg.build_sensor_context(instance=storage, cursor=round_.cursor)
    from olist_assets.alerts.sensor import alerts

    skipped = alerts(context)
    assert isinstance(skipped, dg.SkipReason)
    said = str(skipped.skip_message)
    assert "refuses (404): OLIST_ALERT_WEBHOOK must be looked at" in said
    monkeypatch.setenv("OLIST_ALERT_WEBHOOK", "http://127.0.0.1:9/sEcReT")
    unreachable = round_()
    assert "cannot be reached (ConnectionError)" in unreachable
    assert "sEcReT" not in f"{said}{unreachable}{round_.cursor}{context.cursor}{Settings()!r}"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SMTP_PORT": "9"}, "the mail server cannot be used (ConnectionRefusedError)"),
        ({"SMTP_USER": "u", "SMTP_PASSWORD": "sEcReT"}, "the mail server cannot be used (SMTPNotSupportedError)"),
        ({"SMTP_TLS": "starttls"}, "the mail server cannot be used (SMTPNotSupportedError)"),
    ],
)
def test_a_mail_server_that_takes_nothing_is_told_of(storage, rounds, mailbox, monkeypatch, variables, said):
    round_ = rounds()
    check(storage, "first", passed=False)
    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(f"OLIST_ALERT_{name}", value)
        told = round_()
    assert said in told
    assert "sEcReT" not in told
    round_()
    assert len(mailbox.messages) == 1


def test_many_events_are_told_in_batches_and_none_is_lost(storage, rounds, alert_file, monkeypatch):
    monkeypatch.setattr(events, "BATCH", 2)
    round_ = rounds()
    # One kind after the other: a batch of the second must not skip what is left of the first.
    for number in range(3):
        check(storage, f"check_{number}", passed=False)
    for number in range(3):
        run(storage, fails=True, step=f"step_{number}")
        refresh(f"query_{number}", error="gone")
    for _ in range(6):
        round_()
    told = [line["subject"] for line in lines(alert_file)]
    assert len(told) == len(set(told)) == 9


def test_the_sensor_is_off_until_a_sink_is_configured():
    from olist_assets.alerts.sensor import alerts

    assert alerts.default_status == dg.DefaultSensorStatus.STOPPED


def test_without_a_sink_nothing_is_done(storage, rounds):
    assert rounds()() == ""


def test_the_command_tries_each_sink(olist, settings, hook, alert_file):
    assert olist("alerts", "--test") == (0, "✓ webhook\n✓ file\n")
    assert "A test" in hook.posts[0]["text"]
    hook.status = 403
    code, text = olist("alerts", "--test")
    assert (code, "✗ webhook: the webhook refuses (403)" in text, "sEcReT" in text) == (1, True, False)
    code, text = olist("doctor")
    assert ("OLIST_ALERT_WEBHOOK" in text, "sEcReT" in text, "alerts           to webhook, file" in text) == (
        True, False, True,
    )  # fmt: skip


def test_one_round_from_the_command_line(olist, settings, alert_file):
    assert olist("alerts", "--once") == (0, "file: alerts begin from here\n")
    audit_log.record(settings, "dashboard", [], statement="health page", error="a table is gone")
    assert olist("alerts", "--once") == (0, "file: Olist lakehouse: 1 dashboard failure\n")
    assert olist("alerts", "--once") == (0, "Nothing new.\n")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "No sink is configured"),
        ({"EMAIL_TO": "a@example.org"}, "set OLIST_ALERT_EMAIL_FROM and OLIST_ALERT_SMTP_HOST too"),
        ({"SMTP_TLS": "maybe"}, "OLIST_ALERT_SMTP_TLS"),
    ],
)
def test_wrong_settings_are_named(olist, settings, monkeypatch, variables, said):
    for name, value in variables.items():
        monkeypatch.setenv(f"OLIST_ALERT_{name}", value)
    code, text = olist("alerts", "--test")
    assert (code, said in text, "Traceback" in text) == (2, True, False)
