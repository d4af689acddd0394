"""Faults that a night can bring, each on its own warehouse: the last version stays readable, no row is lost or doubled,
the message says what happened, and the next run repairs. `make test-faults`; figures in docs/reruns.md.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.jobs import DAILY_TABLES
from olist_assets.lakehouse.locks import table_lock
from olist_assets_tests.conftest import use
from olist_assets_tests.rows import stored_rows

pytestmark = pytest.mark.faults
OLIST = str(Path(sys.executable).with_name("olist"))
WRITER = Path(__file__).with_name("writer.py")
KILLS = int(os.environ.get("OLIST_KILLS", "50"))
# One kill in four falls anywhere into a cold start and its first write; the others into the moments between a write's
# first data file and the commit of the table after it, which chance alone would seldom meet.
START_SECONDS, WRITE_SECONDS = 20.0, 4.0
DONE, FAILED, WRONG_USE = 0, 1, 2


@pytest.fixture
def warehouse(finished, monkeypatch, tmp_path):
    """Settings over a copy of the finished tables, in an environment that subprocesses inherit."""
    shutil.copytree(finished.settings.warehouse_path, tmp_path / "warehouse")
    return use(monkeypatch, tmp_path, finished.data)


def olist(*words, timeout=300):
    done = subprocess.run([OLIST, *words], capture_output=True, text=True, check=False, timeout=timeout)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def assert_whole(settings, finished):
    """Every daily table opens and holds exactly what a full run makes, and nobody holds it."""
    for name in DAILY_TABLES:
        assert stored_rows(settings, name) == stored_rows(finished.settings, name), name
        with table_lock(lakehouse.table_path(settings, name), 0.1, "a test"):
            pass


def being_written(settings):
    """The daily tables whose locks somebody holds."""
    held = []
    for name in DAILY_TABLES:
        path = lakehouse.table_path(settings, name)
        try:
            with FileLock(path.parent / f".{name}.lock", timeout=0):
                pass
        except Timeout:
            held.append(name)
    return held


def test_fifty_kills_at_random_moments(warehouse, finished):
    chance, in_a_write, unused = random.Random(7), 0, 0
    before = {name: lakehouse.open_table(warehouse, name).version() for name in DAILY_TABLES}
    for number in range(KILLS):
        command = [sys.executable, WRITER, str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline().startswith("ready")
            if number % 4 == 0:
                time.sleep(chance.uniform(0, START_SECONDS))
            else:
                wait_for_a_data_file(warehouse)
                time.sleep(chance.uniform(0, WRITE_SECONDS))
            in_a_write += bool(being_written(warehouse))
            if number % 2:
                writer.kill()
            else:
                os.killpg(writer.pid, signal.SIGKILL)
            # Killed alone, Python leaves a JVM that ends as it sees that: it holds the pipe as long as it lives.
            writer.stdout.read()
        assert_whole(warehouse, finished)
    commits = {name: lakehouse.open_table(warehouse, name).version() - before[name] for name in DAILY_TABLES}
    for name in DAILY_TABLES:
        used = {
            Path(file)
            for version in range(before[name], before[name] + commits[name] + 1)
            for file in lakehouse.data_files(lakehouse.open_table(warehouse, name, version))
        }
        unused += len(set(lakehouse.table_path(warehouse, name).glob("*.parquet")) - used)
    code, text = olist("materialize", "--day", "2018-01-10")
    assert code == DONE, text
    assert_whole(warehouse, finished)
    sys.stdout.write(
        f"{KILLS} kills, {in_a_write} of them while a table was held, {unused} files of unfinished writes, "
    )
    sys.stdout.write(f"commits that came through: {commits}\n")


def data_files_on_disk(settings):
    return {file for name in DAILY_TABLES for file in lakehouse.table_path(settings, name).glob("*.parquet")}


def wait_for_a_data_file(settings, patience=120.0):
    """Until a write has begun to put rows onto the disk."""
    before, until = data_files_on_disk(settings), time.monotonic() + patience
    while data_files_on_disk(settings) == before:
        assert time.monotonic() < until, "no write began"
        time.sleep(0.01)


def in_namespace(script, **names):
    """Run a shell script as root of a mount namespace of its own; skip where the system allows none."""
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this system allows no mount namespace: a small or read-only file system cannot be made")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False, env=os.environ | names
    )
    return " ".join((done.stdout + done.stderr).split())


def test_a_full_disk(warehouse, finished, tmp_path):
    copy, days = tmp_path / "copy", "--days 2018-01-01..2018-03-31"
    text = in_namespace(
        # Room for the start of a write, and for no more.
        f'cp -a "$WH" "{copy}" && mount -t tmpfs -o size=300m none "$WH" && cp -a "{copy}/." "$WH" && '
        'cat /dev/zero > "$WH/filler" 2>/dev/null; truncate -s -60K "$WH/filler"; '
        f'"{OLIST}" materialize {days}; echo "first exit $?"; '
        f'"{OLIST}" sql "SELECT count(*) AS days FROM gold_daily_metrics"; echo "read exit $?"; '
        f'rm "$WH/filler"; "{OLIST}" materialize {days}; echo "second exit $?"; '
        f'rm -rf "{copy}"; cp -a "$WH" "{copy}"',
        WH=str(warehouse.warehouse_path),
    )
    assert "first exit 1" in text or "first exit 2" in text, text
    assert "No space left on device" in text
    assert "Traceback" not in text
    assert "read exit 0" in text
    assert "second exit 0" in text, text
    shutil.rmtree(warehouse.warehouse_path)
    shutil.copytree(copy, warehouse.warehouse_path)
    assert_whole(warehouse, finished)


def test_a_read_only_warehouse(warehouse, finished):
    text = in_namespace(
        f'mount --bind "$WH" "$WH" && mount -o remount,bind,ro "$WH" && '
        f'"{OLIST}" materialize --day 2018-01-10; echo "write exit $?"; '
        f'"{OLIST}" sql "SELECT count(*) AS days FROM gold_daily_metrics"; echo "read exit $?"',
        WH=str(warehouse.warehouse_path),
    )
    assert "Cannot write to the warehouse" in text, text
    assert "write exit 2" in text
    assert "read exit 0" in text
    assert_whole(warehouse, finished)


def test_a_corrupted_log_file(warehouse, finished):
    assert olist("materialize", "--day", "2018-01-10")[0] == DONE
    newest = max((lakehouse.table_path(warehouse, "silver_orders") / "_delta_log").glob("*.json"))
    newest.write_bytes(newest.read_bytes()[:100])
    code, text = olist("materialize", "--day", "2018-01-11")
    assert code in (FAILED, WRONG_USE)
    assert newest.name in text
    advised = text[text.index("olist restore") :].split()[1:5]
    code, text = olist(*advised)
    assert code == DONE, text
    code, text = olist("materialize", "--day", "2018-01-11")
    assert code == DONE, text
    code, text = olist("stale")
    assert code == DONE, text
    assert_whole(warehouse, finished)


def test_a_table_deleted_by_hand(warehouse, finished):
    shutil.rmtree(lakehouse.table_path(warehouse, "silver_orders"))
    code, text = olist("materialize", "--select", "silver_orders_master", "--day", "2018-01-10")
    assert (code, "silver_orders (never made)" in text) == (WRONG_USE, True), text
    code, text = olist("materialize", "--day", "2018-01-10")
    assert code == FAILED, text
    assert "order_id_exists_in_silver_orders" in text
    code, text = olist("materialize", "--stale")
    assert code == DONE, text
    assert_whole(warehouse, finished)


@pytest.mark.parametrize(
    "days", [("2018-01-10", "2018-01-10"), ("2018-01-10", "2018-02-20")], ids=["same", "different"]
)
def test_two_runs_at_once(warehouse, finished, days):
    before = lakehouse.open_table(warehouse, "gold_daily_metrics").version()
    started = [
        subprocess.Popen(
            [OLIST, "materialize", "--day", day], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for day in days
    ]
    ended = [(run.communicate(timeout=300)[0], run.returncode) for run in started]
    assert [code for _, code in ended] == [DONE, DONE], ended
    assert lakehouse.open_table(warehouse, "gold_daily_metrics").version() == before + 2
    assert_whole(warehouse, finished)


def test_two_first_starts_at_once(finished, monkeypatch, tmp_path):
    monkeypatch.setenv("OLIST_CACHE", str(tmp_path / "cache"))
    settings = [use(monkeypatch, tmp_path / name, finished.data) for name in ("one", "two")]
    command = [OLIST, "materialize", "--select", "bronze_sellers"]
    started = []
    for setting in settings:
        own = {"OLIST_WAREHOUSE": setting.warehouse, "DAGSTER_HOME": str(setting.warehouse_path.parent / "home")}
        started.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | own)
        )
    ended = [(run.communicate(timeout=600)[0], run.returncode) for run in started]
    assert [code for _, code in ended] == [DONE, DONE], ended
    for setting in settings:
        assert lakehouse.statistics(lakehouse.open_table(setting, "bronze_sellers"))["rows"] > 0
