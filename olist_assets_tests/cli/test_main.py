"""The command line as a whole: help, exit codes for wrong use, and what an import of it costs."""

import os
import re
import subprocess
import sys

import click
import pytest

from olist_assets.cli.main import olist as olist_group
from olist_assets.cli.options import WRONG_USE
from olist_assets.errors import OlistError
from olist_assets.settings import Settings, may_be_secret, variable
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets_tests.conftest import environment
from olist_assets_tests.rows import store

SUCCESS = 0


@pytest.mark.parametrize("command", sorted(olist_group.commands))
def test_help_of_every_command_has_an_example(olist, command):
    code, text = olist(command, "--help")
    assert code == SUCCESS
    assert f"Usage: olist {command}" in text
    assert re.search(rf"^  olist {command}(\s|$)", text, re.MULTILINE), text


def test_every_command_of_the_cli_is_in_the_help(olist):
    code, text = olist("--help")
    assert code == SUCCESS
    assert len(olist_group.commands) > 20
    for name, command in olist_group.commands.items():
        assert isinstance(command, click.Command)
        assert re.search(rf"^  {name} ", text, re.MULTILINE), name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("materialize", "--select", "gold_nothing"), "'gold_nothing' matches no table"),
        (("materialize", "--select", "group:platinum"), "'group:platinum' matches no table"),
        (("materialize", "--select", "((("), "'(((' matches no table"),
        (("checks", "--select", "nothing"), "'nothing' matches no table"),
        (("materialize", "--day", "2017-13-01"), "is not a day like 2017-11-24"),
        (("materialize", "--day", "2031-01-01"), "not within the days of the data: 2016-09-04..2018-10-17"),
        (("materialize", "--days", "2018-01-02..2018-01-01"), "run backwards"),
        (("materialize", "--days", "2018-01-02"), "is not a span like"),
        (("materialize", "--day", "2018-01-02", "--days", "2018-01-02..2018-01-03"), "exclude each other"),
        (("sql", "SELECT * FROM gold_daily_metrics"), "olist materialize --select gold_daily_metrics"),
        (("sql", "SELECT * FROM nothing"), "nothing does not exist"),
        (("sql", "--format", "xml", "SELECT 1"), "'xml' is not one of"),
        (("sample-data", "/dev/null/x"), "/dev/null"),
        (("sample-data", "x", "--scale", "1000"), "scale must be between 0.01 and 100"),
        (("nothing",), "No such command"),
    ],
)
def test_wrong_use_is_one_message_and_exit_code_2(olist, warehouse, monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    code, text = olist(*words)
    assert code == WRONG_USE
    assert message in " ".join(text.split())
    assert "Traceback" not in text
    assert warehouse.existing_tables() == {}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OLIST_LOCK_TIMEOUT", "soon", "a valid number"),
        ("OLIST_SPARK_CONF", "soon", "a JSON object of texts, numbers and booleans like {"),
        ("OLIST_SPARK_CONF", "[1]", "a JSON object of texts, numbers and booleans like {"),
        ("OLIST_SPARK_CONF", '{"spark.x": {}}', "a JSON object of texts, numbers and booleans like {"),
        ("OLIST_DRIVER_MEMORY", "lots", "a size like 4g, 4GB or 512m"),
        ("OLIST_DUCKDB_MEMORY", "1MB", "a size like 2GiB, of at least 256MiB"),
        ("OLIST_RESULT_SIZE", "10EiB", "a size like 2GiB, of at least 1MiB and at most 1PiB"),
        ("OLIST_QUERY_SECONDS", "inf", "less than or equal to 604800"),
        ("OLIST_DAYS", "a..b", "a span like 2016-09-04..2018-10-17"),
        ("OLIST_AS_OF", "today", "a day like 2018-10-17"),
        ("OLIST_ENGINE", "flink", "'sail' or 'spark'"),
        ("OLIST_WAREHOUSE", "a\nb", "must not contain line breaks or other control characters"),
        ("OLIST_WAREHOUSE", "a\x1b[2Jb", "must not contain line breaks or other control characters"),
    ],
)
def test_invalid_setting_is_one_line_with_its_name_the_expected_form_and_a_value_that_is_no_secret(
    olist, monkeypatch, name, value, expected
):
    monkeypatch.setenv(name, value)
    code, text = olist("tables")
    assert code == WRONG_USE
    assert text.startswith(f"Error: {name}: ")
    assert expected in text
    assert text.endswith(f"(it is {value!r})\n") is not may_be_secret(name.removeprefix("OLIST_").lower())
    assert text.count("\n") == 1


def test_empty_variable_of_every_setting_but_the_role_counts_as_unset(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    unset = Settings()
    for name in Settings.model_fields.keys() - {"role"}:
        monkeypatch.setenv(variable(name), "")
    assert Settings() == unset
    monkeypatch.setenv("OLIST_ROLE", "")
    with pytest.raises(OlistError, match="OLIST_ROLE is empty"):
        Settings()


@pytest.mark.parametrize("memory", ["4g", "4G", "4GB", "4 GiB", "4gb"])
def test_memory_of_the_driver_is_written_as_java_reads_it(monkeypatch, memory):
    monkeypatch.setenv("OLIST_DRIVER_MEMORY", memory)
    assert Settings().driver_memory == "4g"


def test_numbers_and_booleans_of_json_become_sparks_texts(monkeypatch):
    monkeypatch.setenv("OLIST_SPARK_CONF", '{"a": 2, "b": true, "c": 0.5, "d": "text"}')
    assert Settings().spark_conf.get_secret_value() == {"a": "2", "b": "true", "c": "0.5", "d": "text"}


def test_help_imports_neither_dagster_nor_spark():
    code = "import sys, olist_assets.cli.main; print([m for m in ('dagster', 'pyspark', 'duckdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [["sql", "SELECT count(*) FROM silver_rejects"], ["tables"]])
def test_command_that_only_reads_imports_neither_dagster_nor_pandas(settings, warehouse, words):
    store(warehouse, SILVER_REJECTS, {"reason": "bad_cast"})
    code = (
        "import sys; from olist_assets.cli.main import olist; "
        f"olist.main({words}, standalone_mode=False); "
        "print([name for name in ('dagster', 'pandas') if name in sys.modules])"
    )
    inherited = os.environ | environment(settings)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=inherited)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_command_does_not_search_for_garbage_at_its_exit(settings):
    # Registered before the command's own, so it runs after it.
    code = (
        "import atexit, gc, sys; atexit.register(lambda: print('frozen:', gc.get_freeze_count() > 1000));"
        "from olist_assets.cli.main import main; sys.argv = ['olist', '--version']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment(settings), capture_output=True, text=True
    )
    assert done.returncode == SUCCESS, done.stderr
    assert done.stdout.splitlines()[-1] == "frozen: True"
