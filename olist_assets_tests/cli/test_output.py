"""Standard output of the real command: appended files, order, pipes, sockets, full devices, encodings. No JVM."""

import json
import os
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from olist_assets.catalog import catalog
from olist_assets_tests.conftest import environment
from olist_assets_tests.rows import store

SUCCESS, WRONG_USE = 0, 2
DAILY = catalog().tables["gold_daily_metrics"]
OLIST = [sys.executable, "-c", "from olist_assets.cli.main import main; main()"]
PRINTING = {
    "sql as table": ["sql", "FROM gold_daily_metrics"],
    "sql as csv": ["sql", "--format", "csv", "FROM gold_daily_metrics"],
    "history": ["history", "gold_daily_metrics"],
    "audit as csv": ["audit", "--format", "csv"],
}
TEXT = "São Paulo"
FULL = Path("/dev/full")


@pytest.fixture
def start(settings, warehouse):
    """Starts `olist` with these words over a table of one row; more arguments are those of `subprocess.run`."""
    store(warehouse, DAILY, {"order_date": date(2018, 1, 1)})

    def started(words, *, env=None, **options):
        inherited = os.environ | environment(settings) | (env or {})
        return subprocess.run(
            [*OLIST, *words], check=False, text=True, stderr=subprocess.PIPE, env=inherited, **options
        )

    return started


@pytest.fixture(params=PRINTING.values(), ids=list(PRINTING))
def words(request):
    return request.param


@pytest.mark.parametrize(("form", "rows"), [("csv", "a\n1\n"), ("json", '[\n\t{"a":1}\n]\n')])
def test_rows_are_appended_to_a_file(start, tmp_path, form, rows):
    path = tmp_path / "rows"
    path.write_text("keep\n")
    with path.open("a") as opened:
        assert start(["sql", "--format", form, "SELECT 1 AS a"], stdout=opened).returncode == SUCCESS
    assert path.read_text() == f"keep\n{rows}"


def test_rows_stand_where_they_were_printed(start, tmp_path):
    path = tmp_path / "rows"
    with path.open("w") as opened:
        for name in ("first", "second"):
            subprocess.run(["echo", name], stdout=opened, check=True)
            assert start(["sql", "--format", "csv", f"SELECT 1 AS of_{name}"], stdout=opened).returncode == SUCCESS
    assert path.read_text() == "first\nof_first\n1\nsecond\nof_second\n1\n"


def test_a_socket_gets_all_rows(start):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = start(["sql", "--format", "csv", "SELECT 1 AS a"], stdout=theirs)
        assert (done.returncode, ours.recv(100)) == (SUCCESS, b"a\n1\n"), done.stderr


def test_a_closed_pipe_ends_a_command_quietly(start, words):
    reading, writing = os.pipe()
    os.close(reading)
    done = start(words, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (SUCCESS, "")


def test_a_full_device_is_one_line(start, words):
    with FULL.open("w") as full:
        done = start(words, stdout=full)
    message = "Standard output cannot be written: No space left on device. What was printed is not complete."
    assert (done.returncode, done.stderr) == (WRONG_USE, f"Error: {message}\n")


def test_a_missing_standard_output_is_one_line(start):
    done = start(["tables"], preexec_fn=lambda: os.close(1))
    assert done.returncode == WRONG_USE
    assert "Standard output cannot be written: Bad file descriptor" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_narrow_encoding_stops_no_command(start, words):
    done = start(words, stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (SUCCESS, "")
    assert done.stdout.isascii()


def test_a_narrow_encoding_loses_no_character(start):
    query, env = f"SELECT '{TEXT}' AS a", {"PYTHONIOENCODING": "ascii"}
    assert "S\\xe3o Paulo" in start(["sql", query], stdout=subprocess.PIPE, env=env).stdout
    # Rows for a program are UTF-8 everywhere.
    printed = start(["sql", "--format", "json", query], stdout=subprocess.PIPE, env=env, encoding="utf-8").stdout
    assert json.loads(printed) == [{"a": TEXT}]


def test_a_run_goes_on_when_nobody_reads_its_progress_any_more(start, warehouse):
    reading, writing = os.pipe()
    os.close(reading)
    done = start(["materialize", "--select", "bronze_sellers"], stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (SUCCESS, "")
    assert warehouse.open("bronze_sellers").version() == 0
    with FULL.open("w") as full:
        done = start(["materialize", "--select", "bronze_sellers"], stdout=full)
    assert (done.returncode, "Traceback" in done.stderr) == (WRONG_USE, False), done.stderr
    assert warehouse.open("bronze_sellers").version() == 1
