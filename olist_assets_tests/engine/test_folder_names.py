"""Data, tables, models and Dagster's storage in folders whose names libraries take for a glob, a URL or a list."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from olist_assets.engine.choice import engine_of
from olist_assets.lakehouse.object_store import open_delta, vacuum, write_delta
from olist_assets.lakehouse.sql import create_view, session
from olist_assets.lakehouse.statistics import data_files, location
from olist_assets.paths import PLAIN, plain_path
from olist_assets.settings import Settings
from olist_assets.source.csv_file import csv_file
from olist_assets_tests.conftest import environment, settings_in

OLIST = [sys.executable, "-c", "from olist_assets.cli.main import main; main()"]
NAMES = ["b[1]", "d*x", "q?y", "{a,b}", "%20p", "f a#b%20c'd", "x=1&y+z;@~", "back\\slash", "a:b", 'ç"|^`', "-d", "~"]
# What the names above mean as globs and after a decoding, and as partitions.
TAKEN_FOR = ["b1", "dAx", "qAy", "a", "b", " p", "f a#b c'd"]


@pytest.fixture(params=NAMES)
def folder(request, tmp_path):
    """A folder of that name, beside others that it may be taken for."""
    for name in TAKEN_FOR:
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text("key,value\nother,0\n")
    path = tmp_path / request.param
    path.mkdir()
    (path / "rows.csv").write_text("key,value\nours,1\n")
    return path


def test_a_plain_path_leads_to_the_same_folder(folder):
    assert PLAIN.fullmatch(plain_path(folder))
    assert Path(plain_path(folder)).resolve() == folder
    assert Path(plain_path(folder / "rows.csv")).read_text() == (folder / "rows.csv").read_text()


def test_a_file_is_read_and_no_other(folder, spark):
    file = csv_file(folder / "rows.csv", "rows.csv", folder)
    (found,) = engine_of(Settings()).read_csv(file).collect()
    assert (found.key, found.value) == ("ours", "1")
    with session(Settings()) as con:
        assert con.sql(f"FROM {file.duckdb_sql}").fetchall() == [("ours", "1")]


def test_a_table_is_written_read_and_vacuumed(folder, spark):
    path, rows = folder / "table", pa.table({"key": ["ours"]})
    write_delta(path, rows)
    write_delta(path, rows, mode="overwrite", predicate="key = 'ours'")
    (path / "left_by_a_killed_write.parquet").write_text("")
    vacuum(path, 0)
    table = open_delta(path)
    assert location(table) == path
    assert [Path(file) for file in data_files(table)] == list(path.glob("*.parquet"))
    assert [row.key for row in engine_of(Settings()).read_table(table).collect()] == ["ours"]
    with session(Settings()) as con:
        create_view(con, "ours", table, data_files(table))
        assert con.sql("FROM ours").fetchall() == [("ours",)]
    assert sorted(p.name for p in folder.iterdir()) == ["rows.csv", "table"]


def test_the_command_works_where_every_folder_has_such_a_name(tmp_path, sample):
    root = tmp_path / "b[1] f a#b%20c'd*?{x,y}&;=@~\\ç"
    shutil.copytree(sample, root / "data")
    settings = settings_in(root, root / "data")
    (root / "home" / "dagster.yaml").unlink()
    variables = os.environ | environment(settings) | {"HOME": str(root / "home")}

    def olist(*words):
        return subprocess.run([*OLIST, *words], cwd=root, env=variables, capture_output=True, text=True, check=False)

    made = olist("materialize", "--select", "*silver_orders")
    assert made.returncode == 0, made.stdout + made.stderr
    counted = olist("sql", "--format", "csv", "SELECT count(*) > 900 AS is_whole FROM silver_orders")
    assert counted.stdout == "is_whole\ntrue\n", counted.stderr
    assert [path.name for path in tmp_path.iterdir()] == [root.name]
