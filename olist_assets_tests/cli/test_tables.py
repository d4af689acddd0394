"""`olist sql` and `olist tables`: where the query comes from, its output, and the list of tables. No JVM."""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest

from olist_assets.catalog import catalog
from olist_assets.lakehouse.sql import tables_named
from olist_assets_tests.rows import store

SUCCESS, WRONG_USE = 0, 2
DAILY = catalog().tables["gold_daily_metrics"]
MASTER = catalog().tables["silver_orders_master"]


@pytest.fixture
def three_days(warehouse):
    """Three rows in gold_daily_metrics."""
    store(warehouse, DAILY, *({"order_date": date(2018, 1, day), "orders_count": 1} for day in (1, 2, 3)))


def test_rows_are_printed_as_csv_and_json(olist, three_days):
    code, text = olist("sql", "--format", "csv", "SELECT count(*) AS days FROM gold_daily_metrics")
    assert (code, list(csv.reader(io.StringIO(text)))) == (SUCCESS, [["days"], ["3"]])
    code, text = olist("sql", "--format", "json", "SELECT 1 AS one FROM gold_daily_metrics HAVING count(*) >= 0")
    assert (code, json.loads(text)) == (SUCCESS, [{"one": 1}])


def test_packaged_query_is_taken_by_its_name(olist, warehouse, three_days):
    bought = {"order_date": date(2018, 1, 3), "order_total_value": Decimal("12.50")}
    store(warehouse, MASTER, bought | {"order_id": "a"}, bought | {"order_id": "b"})
    code, text = olist("sql", "-f", "kpis", "--format", "json")
    assert code == SUCCESS, text
    values = {row["kpi"]: row["last_90_days"] for row in json.loads(text)}
    assert (float(values["revenue"]), float(values["orders"])) == (25, 2)


def test_file_in_the_working_directory_is_preferred_to_a_packaged_query(olist, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kpis").write_text("SELECT 'mine' AS whose")
    assert olist("sql", "-f", "kpis", "--format", "csv") == (SUCCESS, "whose\nmine\n")


@pytest.mark.parametrize("name", ["nothing", "nothing.sql", "folder/nothing.sql"])
def test_missing_file_is_one_line_and_exit_code_2(olist, monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    code, text = olist("sql", "-f", name)
    assert code == WRONG_USE
    (line,) = text.splitlines()
    assert line.startswith("Error: ")
    assert name in line
    assert "Traceback" not in text
    assert ("kpis" in line) == (name == "nothing")


def test_tables_named_in_comments_are_not_opened(olist, tmp_path):
    sql = "-- ação: gold_daily_metrics\nFROM silver_orders /* bronze_orders */"
    assert tables_named(sql, catalog().tables) == ("silver_orders",)
    query = tmp_path / "query.sql"
    query.write_text("-- not gold_daily_metrics\nSELECT 1 AS one;\n")
    assert olist("sql", "-f", str(query), "--format", "csv") == (SUCCESS, "one\n1\n")


def test_query_file_is_run_at_a_version(olist, warehouse, three_days, tmp_path):
    query = tmp_path / "query.sql"
    # The byte order mark that some editors write is not part of the query.
    query.write_text("SELECT count(*) AS days FROM gold_daily_metrics", encoding="utf-8-sig")
    version = str(warehouse.open(DAILY.name).version())
    store(warehouse, DAILY, {"order_date": date(2018, 1, 1)})
    assert olist("sql", "--file", str(query), "--format", "csv") == (SUCCESS, "days\n1\n")
    assert olist("sql", "--file", str(query), "--version", version, "--format", "csv") == (SUCCESS, "days\n3\n")
    code, text = olist("sql", "-f", str(query), "--as-of", "2016-01-01")
    assert (code, "had no data yet" in text) == (WRONG_USE, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sql",), "Give either a QUERY or a file with --file"),
        (("sql", "SELECT 1", "-f", "latin.sql"), "Give either a QUERY or a file with --file"),
        (("sql", "-f", "latin.sql"), "latin.sql is not UTF-8"),
    ],
)
def test_query_is_given_exactly_once_as_readable_text(olist, monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.sql").write_bytes("SELECT 'ação'".encode("latin-1"))
    code, text = olist(*words)
    assert (code, message in " ".join(text.split())) == (WRONG_USE, True), text
    assert "Traceback" not in text


def test_list_of_tables_has_rows_and_version_of_each_and_names_those_not_made_yet(olist, warehouse, three_days):
    code, text = olist("tables")
    assert code == SUCCESS
    lines = {line.split()[1]: line for line in text.splitlines() if line.startswith("│")}
    assert set(lines) == set(warehouse.catalog.tables)
    cells = [cell.strip() for cell in lines[DAILY.name].split("│")]
    assert (cells[2], cells[3], cells[5]) == ("3", "1", str(warehouse.open(DAILY.name).version()))
    assert "not made yet" in lines["bronze_orders"]
