"""The JVM-free side: tables, statistics and SQL."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.errors import OlistError
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.governance.access import answer
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets_tests.conftest import write_delta

NAME = GOLD_SEGMENT_PROFILES.name


@pytest.fixture
def profiles(spark, settings):
    """gold_segment_profiles with two rows."""
    rows = [
        {"segment": name, "segment_kind": "rfm", "revenue": Decimal("0.10")} for name in ("Lost, or not", 'so "called"')
    ]
    write_delta(spark, settings, GOLD_SEGMENT_PROFILES, *rows)
    return settings


def test_statistics_are_those_of_the_newest_version(spark, profiles):
    write_delta(
        spark, profiles, GOLD_SEGMENT_PROFILES, {"segment": "a", "avg_review_score": None}, {"segment": "b"}, {}
    )
    figures = lakehouse.statistics(lakehouse.open_table(profiles, NAME))
    assert (figures["rows"], figures["nulls"]["segment"], figures["nulls"]["avg_review_score"]) == (3, 0, 3)
    assert figures["files"] >= 1
    assert figures["bytes"] > 0


def test_csv_and_json_are_exact_and_quoted(profiles, capfd):
    query = f"SELECT segment, revenue FROM {NAME} ORDER BY segment"
    answer(profiles, query, "csv")
    assert capfd.readouterr().out == 'segment,revenue\n"Lost, or not",0.10\n"so ""called""",0.10\n'
    answer(profiles, query, "json")
    assert json.loads(capfd.readouterr().out) == [
        {"segment": "Lost, or not", "revenue": 0.1},
        {"segment": 'so "called"', "revenue": 0.1},
    ]


def test_a_table_is_shown_with_its_types(profiles, capfd):
    answer(profiles, f"SELECT segment, revenue FROM {NAME}", "table")
    shown = capfd.readouterr().out
    assert all(word in shown for word in ("segment", "varchar", "decimal(14,2)", "Lost, or not"))


def test_show_tables_lists_what_there_is(profiles, capfd):
    answer(profiles, "SHOW TABLES", "csv")
    assert capfd.readouterr().out == f"name\n{NAME}\n"


def test_an_empty_table_answers_with_its_columns(spark, settings, capfd):
    write_delta(spark, settings, SILVER_REJECTS)
    answer(settings, 'SELECT count(*) AS n, max("table") AS t FROM silver_rejects', "csv")
    assert capfd.readouterr().out == "n,t\n0,\n"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM gold_nothing", "gold_nothing does not exist"),
        ("SELEC 1", "syntax error"),
        (f"SELECT nothing FROM {NAME}", "nothing"),
        ("SELECT * FROM gold_daily_metrics", "olist materialize --select gold_daily_metrics"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(profiles, query, message):
    with pytest.raises(OlistError, match=message):
        answer(profiles, query, "table")


def test_queries_change_nothing(profiles):
    with pytest.raises(OlistError):
        answer(profiles, f"DELETE FROM {NAME}", "table")
    assert lakehouse.statistics(lakehouse.open_table(profiles, NAME))["rows"] == 2


def test_a_broken_log_is_named(profiles):
    for commit in (lakehouse.table_path(profiles, NAME) / "_delta_log").glob("*.json"):
        commit.write_text("{ nothing like it")
    with pytest.raises(lakehouse.TableBroken, match=NAME):
        lakehouse.open_table(profiles, NAME)


def test_the_sql_side_starts_no_jvm_and_imports_no_spark():
    code = "import sys, olist_assets.lakehouse as l; print('pyspark' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_query_has_the_memory_that_the_settings_give_it_and_spills_to_a_folder_of_its_own(monkeypatch):
    monkeypatch.setenv("OLIST_DUCKDB_MEMORY", "512MiB")
    setting = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    with lakehouse.connection({}) as one, lakehouse.connection({}) as other:
        ((memory, folder),), ((_, elsewhere),) = (con.execute(setting).fetchall() for con in (one, other))
    assert memory == "512.0 MiB"
    assert folder != elsewhere
    assert not Path(folder).is_relative_to(Path.cwd())
