"""`olist doctor`, `olist sample-data` and `olist ui`."""

import os
import shutil
from pathlib import Path

import pytest

from olist_assets.cli.main import olist as olist_group
from olist_assets.contracts.source_files import SOURCES
from olist_assets.sample_data.files import DIGESTS
from olist_assets.settings import Settings, variable
from olist_assets_tests.conftest import settings_in

SUCCESS, FAILED, WRONG_USE = 0, 1, 2


def lose_products(folder):
    (folder / SOURCES["products"].name).unlink()


def rename_a_column_of_orders(folder):
    path = folder / SOURCES["orders"].name
    path.write_text(path.read_text().replace("order_status", "state", 1))


def empty_reviews(folder):
    (folder / SOURCES["order_reviews"].name).write_bytes(b"")


def encode_geolocation_as_latin_1(folder):
    path = folder / SOURCES["geolocation"].name
    path.write_bytes(path.read_text().encode("latin-1", "replace"))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lose_products, "data is missing. The data folder or zip must hold all nine files"),
        (rename_a_column_of_orders, "missing columns ['order_status'], unexpected columns ['state']"),
        (empty_reviews, "data is empty: it has no header line"),
        (encode_geolocation_as_latin_1, "data is not UTF-8"),
    ],
)
def test_wrong_file_stops_a_run_before_the_first_write_and_doctor_names_it(
    olist_with, tmp_path, sample, fault, message
):
    folder = tmp_path / "data"
    shutil.copytree(sample, folder)
    fault(folder)
    olist = olist_with(settings_in(tmp_path, folder))
    code, text = olist("materialize")
    assert code == WRONG_USE
    assert message in " ".join(text.split())
    assert "Traceback" not in text
    assert list((tmp_path / "warehouse").glob("*/*")) == []
    code, text = olist("doctor")
    assert code == FAILED
    assert message in " ".join(text.split())


def test_truncated_zip_stops_a_run(olist_with, tmp_path, sample):
    archive = Path(shutil.make_archive(str(tmp_path / "data"), "zip", sample))
    archive.write_bytes(archive.read_bytes()[:-1000])
    olist = olist_with(settings_in(tmp_path, archive, cache=tmp_path / "cache"))
    code, text = olist("materialize")
    assert code == WRONG_USE
    assert "is not a whole archive" in text


def test_nothing_but_spark_needs_or_mentions_it(olist, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("OLIST_ENGINE", raising=False)
    for words in (("materialize", "--select", "bronze_sellers"), ("doctor",), ("tables",)):
        code, text = olist(*words)
        assert code == SUCCESS, text
        assert "java" not in text.replace(str(tmp_path), "").lower()
    assert "sail (default on one machine)" in olist("doctor")[1]


def test_missing_java_is_a_message_that_names_the_package_to_install(olist, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OLIST_ENGINE", "spark")
    code, text = olist("materialize", "--select", "bronze_sellers")
    assert code == WRONG_USE
    assert "openjdk-17-jre-headless" in text
    code, text = olist("doctor")
    assert (code, "✗ java" in text, "openjdk-17-jre-headless" in text) == (FAILED, True, True)


def test_java_that_is_too_old_is_named_with_its_version(olist, monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("OLIST_ENGINE", "spark")
    code, text = olist("materialize", "--select", "bronze_sellers")
    assert code == WRONG_USE
    assert "11.0.2" in text


def test_warehouse_that_cannot_be_written_to_is_named(olist, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OLIST_WAREHOUSE", str(tmp_path / "file" / "warehouse"))
    code, text = olist("materialize", "--select", "bronze_sellers")
    assert code == WRONG_USE
    assert "Cannot write to the warehouse" in text
    assert "OLIST_WAREHOUSE" in text


def test_doctor_prints_every_setting_in_force_under_its_variable(olist, settings):
    code, text = olist("doctor")
    assert code == SUCCESS, text
    lines = dict(line.split(maxsplit=1) for line in text.splitlines() if line.startswith("  ") and " " in line.strip())
    for name in Settings.model_fields:
        assert variable(name) in lines, name
    assert lines["OLIST_DATA"] == str(settings.data)
    assert lines["OLIST_WAREHOUSE"] == settings.warehouse


def test_sample_data_writes_the_nine_files_and_reports_their_records(olist, tmp_path):
    code, text = olist("sample-data", str(tmp_path / "small"), "--scale", "0.01", "--dirty")
    assert code == SUCCESS, text
    names = {source.name for source in SOURCES.values()}
    assert {path.name for path in (tmp_path / "small").iterdir()} == {*names, DIGESTS}
    assert "broken: " in text
    assert text.endswith(f"Written to {tmp_path / 'small'}\n")


def test_sample_data_replaces_files_of_others_with_force_only(olist, tmp_path):
    orders = tmp_path / SOURCES["orders"].name
    orders.write_text("real\n")
    code, text = olist("sample-data", str(tmp_path), "--scale", "0.01")
    assert code == WRONG_USE
    assert f"not an unchanged sample ({orders.name})" in " ".join(text.split())
    assert [path.name for path in tmp_path.glob("*.csv")] == [orders.name]
    assert orders.read_text() == "real\n"
    code, text = olist("sample-data", str(tmp_path), "--scale", "0.01", "--force")
    assert code == SUCCESS, text
    assert orders.read_text() != "real\n"


def test_ui_listens_on_the_loopback_address_only(olist_with, settings, monkeypatch):
    olist_with(settings)
    commands = []
    monkeypatch.setattr("olist_assets.cli.setup.serve", commands.append)
    olist_group.main(["ui", "--port", "3999"], standalone_mode=False)
    (command,) = commands
    assert command[1:4] == ["-m", "olist_assets.orchestration.dev", "olist_assets.cli.webserver"]
    assert command[command.index("-h") + 1] == "127.0.0.1"
    assert command[command.index("-p") + 1] == "3999"
    assert os.environ["DAGSTER_HOME"] == str(settings.dagster_home)
