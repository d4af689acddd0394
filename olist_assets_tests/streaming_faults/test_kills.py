"""Consumers that are killed: the next one goes on, and the tables end as the files say. Run by `make test-stream`."""

import os
import random
import subprocess
import sys
import time

import pytest

from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.batches import last_finished
from olist_assets_tests.faults.conftest import OLIST, inherited
from olist_assets_tests.servers import wait_until
from olist_assets_tests.streaming_faults.conftest import KILLED, ended, send_files, take
from olist_assets_tests.streaming_faults.consumer import POINTS
from olist_assets_tests.streaming_faults.equality import assert_equals_files
from olist_assets_tests.streaming_faults.events import send, short_lived

pytestmark = pytest.mark.stream
KILLS, SECONDS_TO_KILL = int(os.environ.get("OLIST_KILLS", "50")), 8.0


@pytest.fixture
def fed(streamed):
    """A topic with all records of the files, and some that are deleted again."""
    send(streamed, short_lived(100))
    send_files(streamed)
    return Warehouse(streamed, catalog())


@pytest.mark.parametrize("point", POINTS)
def test_a_consumer_killed_at_a_point_loses_and_repeats_nothing(fed, streamed, consumer, point):
    first = consumer("--kill", point, "--messages", "3000")
    assert ended(first)[0] == KILLED, f"it was not killed {point}"
    # The same point again, with some batches done: of another batch, or in the recovery.
    ended(consumer("--kill", point, "--messages", "5000"))
    take(consumer)
    assert_equals_files(fed, streamed.data)


def test_a_consumer_killed_at_random_moments_loses_and_repeats_nothing(fed, streamed, consumer):
    chance, progress = random.Random(7), 0
    for number in range(KILLS):
        if number % 10 == 9:
            # So that there is always something to do.
            send(streamed, short_lived(100, first_seq=10_000_000 * number))
            send_files(streamed)
        before = batches(fed)
        process = consumer("--messages", "400")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # Most of its work is after the engine's start, which takes some seconds.
        time.sleep(chance.uniform(0, SECONDS_TO_KILL))
        process.kill()
        process.wait()
        progress += batches(fed) > before
    done, rest = batches(fed), len(take(consumer))
    assert_equals_files(fed, streamed.data)
    sys.stdout.write(
        f"{KILLS} kills, {progress} of them after a batch, {done} batches, {rest} more after the last kill\n"
    )


def batches(warehouse):
    """How many batches have been finished."""
    return last_finished(warehouse)[0] + 1


def test_a_run_killed_while_it_writes_rejects_is_repeated(fed, streamed, consumer):
    take(consumer)
    folder = fed.path("silver_rejects")
    for kill in (True, False):
        words = [OLIST, "materialize", "--select", "+silver_rejects"]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=inherited(streamed)
        )
        if kill:
            wait_until(lambda: any(folder.glob("*.parquet")), "a file of rejects", 300)
            process.kill()
        code, text = ended(process)
        assert code == (KILLED if kill else 0), text
    with fed.sql({name: fed.open(name) for name in ("silver_rejects", "monitoring_stream")}) as con:
        bad = "SELECT count(*), count(DISTINCT key) FROM silver_rejects WHERE reason = 'bad_event'"
        ((rows, different),) = con.sql(bad).fetchall()
        assert [(rows,)] == [(different,)] == con.sql("SELECT sum(rejected) FROM monitoring_stream").fetchall()
    assert_equals_files(fed, streamed.data)
