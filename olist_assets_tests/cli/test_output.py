"""Standard output of the real command: appended files, order, pipes, sockets, full devices, encodings. No JVM."""

import json
import os
import pty
import socket
import subprocess
import sys
from contextlib import suppress
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


# The title of the window, a cleared screen by an 8-bit control, and text that is displayed from right to left.
CONTROLS = {"escape": "\x1b]0;taken\x07", "8-bit": "\x9b2Jx", "reordered": "\u202egnp.exe", "returned": "a\rb"}
QUERY = "SELECT chr(27) || ']0;taken' || chr(7), chr(155) || '2Jx', chr(8238) || 'gnp.exe', 'a' || chr(13) || 'b'"
ON_A_TERMINAL = {
    "a table": ["sql", QUERY],
    "csv": ["sql", "--format", "csv", QUERY],
    "json": ["sql", "--format", "json", QUERY],
    "a message": ["sql", "--as", "".join(CONTROLS.values()), "SELECT 1"],
    "a name": ["sql", f'FROM "{"".join(CONTROLS.values())}"'],
}


@pytest.mark.parametrize("words", ON_A_TERMINAL.values(), ids=list(ON_A_TERMINAL))
def test_a_terminal_gets_no_control_characters_of_a_text(settings, warehouse, words):
    store(warehouse, DAILY, {"order_date": date(2018, 1, 1)})
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*OLIST, *words], stdout=theirs, stderr=theirs, env=os.environ | environment(settings) | {"COLUMNS": "200"}
    ) as process:
        os.close(theirs)
        shown = b""
        # Linux reports the end of a terminal as an error.
        with suppress(OSError):
            while read := os.read(ours, 4096):
                shown += read
        process.wait()
    os.close(ours)
    text = shown.decode()
    assert "gnp.exe" in text
    assert {name for name, control in CONTROLS.items() if control in text} == set()


def test_a_file_gets_every_character(start, tmp_path):
    path = tmp_path / "rows.csv"
    with path.open("w") as opened:
        assert start(["sql", "--format", "csv", "SELECT chr(27) || '[1m' AS a"], stdout=opened).returncode == SUCCESS
    assert path.read_text() == "a\n\x1b[1m\n"


def test_cells_of_a_csv_file_are_formulas_unless_that_is_escaped(start):
    query = "SELECT '=1+1' AS \"=a\", ' -2' AS b, '@x' AS c, -1 AS d, 'a=b' AS e, NULL AS f, '+' AS g"
    as_stored = start(["sql", "--format", "csv", query], stdout=subprocess.PIPE).stdout
    escaped = start(["sql", "--format", "csv", "--escape-formulas", query], stdout=subprocess.PIPE).stdout
    assert as_stored == "=a,b,c,d,e,f,g\n=1+1, -2,@x,-1,a=b,,+\n"
    assert escaped == "'=a,b,c,d,e,f,g\n'=1+1,' -2,'@x,-1,a=b,,'+\n"
    assert start(["sql", "--escape-formulas", query], stdout=subprocess.PIPE).returncode == WRONG_USE
