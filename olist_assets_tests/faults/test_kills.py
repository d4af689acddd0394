"""Writers that are killed at random moments: the tables stay as they were, and the next run leaves none unfinished.

Run by `make test-faults`; its results are in docs/reruns.md.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from olist_assets.lakehouse.statistics import data_files
from olist_assets_tests.faults.conftest import inherited
from olist_assets_tests.faults.whole import assert_whole, locked_tables

pytestmark = pytest.mark.faults
WRITER = Path(__file__).with_name("writer.py")
KILLS = int(os.environ.get("OLIST_KILLS", "50"))
# One kill in four is at any moment of a cold start and its first write; the others are between a write's first data
# file and the commit of the table after it, moments that random ones would seldom meet.
START_SECONDS, WRITE_SECONDS = 20.0, 4.0
SUCCESS = 0


def test_writers_killed_at_random_moments_leave_complete_tables(copied, finished, olist_process):
    warehouse, daily = copied.warehouse, copied.catalog.daily_tables
    chance, in_a_write, unused = random.Random(7), 0, 0
    before = {name: warehouse.open(name).version() for name in daily}
    for number in range(KILLS):
        command = [sys.executable, WRITER, str(number)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=inherited(copied.settings)
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline().startswith("ready")
            if number % 4 == 0:
                time.sleep(chance.uniform(0, START_SECONDS))
            else:
                wait_for_a_data_file(warehouse)
                time.sleep(chance.uniform(0, WRITE_SECONDS))
            in_a_write += bool(locked_tables(warehouse))
            if number % 2:
                writer.kill()
            else:
                os.killpg(writer.pid, signal.SIGKILL)
            # If only Python is killed, its JVM ends once it notices that, and holds the pipe until then.
            writer.stdout.read()
        assert_whole(warehouse, finished)
    commits = {name: warehouse.open(name).version() - before[name] for name in daily}
    for name in daily:
        used = {
            Path(file)
            for version in range(before[name], before[name] + commits[name] + 1)
            for file in data_files(warehouse.open(name, version))
        }
        unused += len(set(warehouse.path(name).glob("*.parquet")) - used)
    code, text = olist_process("materialize", "--day", "2018-01-10")
    assert code == SUCCESS, text
    assert_whole(warehouse, finished)
    sys.stdout.write(
        f"{KILLS} kills, {in_a_write} of them while a table was locked, {unused} files of unfinished writes, "
        f"completed commits: {commits}\n"
    )


def parquet_files(warehouse):
    return {file for name in warehouse.catalog.daily_tables for file in warehouse.path(name).glob("*.parquet")}


def wait_for_a_data_file(warehouse, seconds=120.0):
    """Return once a write has begun to put rows onto the disk."""
    before, until = parquet_files(warehouse), time.monotonic() + seconds
    while parquet_files(warehouse) == before:
        assert time.monotonic() < until, "no write began"
        time.sleep(0.01)
