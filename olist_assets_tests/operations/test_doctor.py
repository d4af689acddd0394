"""`olist doctor`: each subject is examined alone, and a problem says what to do. No JVM."""

import socket
from datetime import date

import pytest

from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.sail import engine as sail
from olist_assets.errors import OlistError
from olist_assets.lakehouse.order_days import store_calendar
from olist_assets.operations import doctor
from olist_assets.operations.doctor import examine
from olist_assets.operations.platform import Platform
from olist_assets_tests.conftest import ENGINE, settings_in

OF_ENGINE = {"sail": ["memory", "engine's port"], "spark": ["java", "jars"]}


def findings(platform):
    return {found.subject: found for found in examine(platform)}


@pytest.fixture
def source_days(platform) -> Calendar:
    """The days of the sample; also creates the warehouse's folder."""
    platform.warehouse.require_writable()
    return platform.source_calendar()


def test_everything_is_well_with_a_new_warehouse_over_the_sample(platform):
    found = findings(platform)
    assert list(found) == [
        "engine", "source data", "order events", "days", "warehouse", "permissions", "disk", "roles", "audit log",
        "alerts",
        *OF_ENGINE[ENGINE],
    ]  # fmt: skip
    assert [finding for finding in found.values() if finding.is_problem] == []
    assert found["source data"].text.endswith("orders from 2016-09-04..2018-10-17")
    assert found["warehouse"].text == f"0 tables in {platform.warehouse.root}"


def test_problem_of_one_subject_does_not_hide_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LOW_DISK_GB", 10**9)
    settings = settings_in(tmp_path, tmp_path / "nowhere", alert_email_to="a@example.org")
    found = findings(Platform(settings))
    assert {name for name, finding in found.items() if finding.is_problem} == {"source data", "days", "disk", "alerts"}
    assert "set OLIST_DATA" in found["source data"].text
    assert "make room before a run" in found["disk"].text


def test_days_of_the_source_that_the_daily_tables_do_not_know_are_a_problem(platform, source_days):
    store_calendar(platform.warehouse, Calendar(source_days.first, date(2018, 1, 31)))
    found = findings(platform)["days"]
    assert found.is_problem
    assert f"The source has orders from {source_days.first}..{source_days.last}" in found.text
    assert f"the daily tables know {source_days.first}..2018-01-31" in found.text
    assert "olist materialize --select bronze_orders" in found.text


def test_a_warehouse_that_others_can_read_is_a_warning(platform, source_days):
    root = platform.warehouse.root
    root.chmod(0o755)
    found = findings(platform)["permissions"]
    assert (found.is_warning, found.is_problem) == (True, False)
    assert f"chmod 700 {root}" in found.text
    root.chmod(0o700)
    assert not findings(platform)["permissions"].is_warning


def test_days_before_the_first_known_one_are_a_problem_too(platform, source_days):
    store_calendar(platform.warehouse, Calendar(date(2017, 1, 1), source_days.last))
    assert findings(platform)["days"].is_problem


def test_calendar_that_covers_the_source_is_well(platform, source_days):
    store_calendar(platform.warehouse, Calendar(date(2016, 1, 1), date(2019, 12, 31)))
    found = findings(platform)["days"]
    assert (found.is_problem, found.text) == (False, "daily tables from 2016-01-01..2019-12-31")


def test_days_that_the_settings_name_are_intended(tmp_path, sample):
    platform = Platform(settings_in(tmp_path, sample, days="2018-01-01..2018-01-31"))
    found = findings(platform)["days"]
    assert (found.is_problem, found.text) == (False, "daily tables from 2018-01-01..2018-01-31")


def test_remote_spark_needs_no_java(tmp_path, sample, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert findings(Platform(settings_in(tmp_path, sample, engine="spark")))["java"].is_problem
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        remote = f"sc://127.0.0.1:{server.getsockname()[1]}"
        connected = Platform(settings_in(tmp_path, sample, engine="spark", spark_remote=remote))
        found = findings(connected)["java"]
    assert (found.is_problem, found.text) == (False, f"not needed: Spark is at {remote}")
    found = findings(connected)["java"]
    assert (found.is_problem, f"No Spark Connect server answers at {remote}" in found.text) == (True, True)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "sail (default on one machine)"),
        ({"engine": "sail", "spark_master": "local[4]"}, "sail (OLIST_ENGINE)"),
        ({"engine": "spark"}, "spark (OLIST_ENGINE)"),
        ({"spark_master": "local[4]"}, "spark (OLIST_SPARK_MASTER is set)"),
        ({"spark_remote": "sc://127.0.0.1:1"}, "spark (OLIST_SPARK_REMOTE is set)"),
    ],
)
def test_the_engine_is_named_with_the_reason(tmp_path, sample, monkeypatch, settings, text):
    monkeypatch.delenv("OLIST_ENGINE", raising=False)
    assert findings(Platform(settings_in(tmp_path, sample, **settings)))["engine"].text == text


@pytest.mark.parametrize(("installed", "is_problem"), [(64, False), (1, True)], ids=["enough", "too little"])
def test_a_source_that_sail_has_no_memory_for_is_a_problem(platform, monkeypatch, installed, is_problem):
    monkeypatch.setattr(sail, "installed_memory", lambda: installed * 1_000_000_000)
    found = sail.SailEngine(platform.settings).findings()["memory"]
    if is_problem:
        with pytest.raises(OlistError, match=r"A run needs about 1\.3 GB of 1\.0 GB.*OLIST_ENGINE=spark"):
            found()
    else:
        assert found() == "about 1.3 GB of 64.0 GB for a run over this source"


def test_unreadable_orders_are_a_problem_of_the_source(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / SOURCES["orders"].name).write_text("order_id\n")
    found = findings(Platform(settings_in(tmp_path, data)))
    assert found["source data"].is_problem
