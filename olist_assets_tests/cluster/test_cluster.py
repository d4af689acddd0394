"""A Spark master and two workers on this machine: the same graph gives the same tables while executors are killed.

Run by `make cluster-test`; its results are in docs/deployment.md.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from olist_assets.engine.spark.submit import spark_submit
from olist_assets.operations.platform import Platform
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun, environment, settings_in
from olist_assets_tests.rows import stored_rows
from olist_assets_tests.servers import free_port, server, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]
OLIST = str(Path(sys.executable).with_name("olist"))
WORKERS = 2
KILL_EVERY_SECONDS = 15.0
LOOPBACK = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1"}


@contextmanager
def running_cluster(folder: Path) -> Iterator[str]:
    """The address of a master with all its workers, each of one core."""
    spark_class = str(spark_submit().with_name("spark-class"))
    port, ui = free_port(), free_port()
    address = f"spark://127.0.0.1:{port}"
    master = f"--host 127.0.0.1 --port {port} --webui-port {ui}"
    worker = "--host 127.0.0.1 --cores 1 --memory 1500m"
    with ExitStack() as started:
        command = [spark_class, "org.apache.spark.deploy.master.Master", *master.split()]
        started.enter_context(server(command, port, folder / "master.log", LOOPBACK))
        for number in range(WORKERS):
            own, place = free_port(), folder / f"worker-{number}"
            words = [*worker.split(), "--webui-port", str(own), "--work-dir", str(place), address]
            command = [spark_class, "org.apache.spark.deploy.worker.Worker", *words]
            started.enter_context(server(command, own, folder / f"worker-{number}.log", LOOPBACK))

        def all_registered() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{ui}/json/", timeout=10) as answer:
                return json.load(answer)["aliveworkers"] == WORKERS

        wait_until(all_registered, "the workers are registered")
        yield address


@pytest.fixture
def cluster(finished: FinishedRun, tmp_path: Path) -> Iterator[Platform]:
    """A platform with an empty warehouse on a cluster, whose workers' folders are beside it."""
    with running_cluster(tmp_path) as address:
        conf = {"spark.executor.memory": "1g"}
        yield Platform(settings_in(tmp_path, finished.data, spark_master=address, spark_conf=conf))


def executors(folder: Path) -> list[int]:
    """Process ids of the executors whose working folders are below this one."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            is_ours = process.name.isdigit() and (process / "cwd").resolve().is_relative_to(folder)
            if is_ours and b"CoarseGrainedExecutorBackend" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


@contextmanager
def executors_dying(folder: Path) -> Iterator[list[int]]:
    """Kill an executor in regular intervals while the body runs; yields the ids of those killed."""
    killed, stop = [], threading.Event()

    def kill() -> None:
        while not stop.wait(KILL_EVERY_SECONDS):
            for process in executors(folder)[:1]:
                os.kill(process, signal.SIGKILL)
                killed.append(process)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        stop.set()
        killer.join()


def olist(settings: Settings, *words: str) -> str:
    """Run `olist`, which must succeed; returns the line of its summary."""
    inherited = os.environ | environment(settings)
    done = subprocess.run([OLIST, *words], capture_output=True, text=True, check=False, env=inherited)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-3]


def test_graph_day_and_backfill_equal_those_without_a_cluster_while_executors_are_killed(cluster, finished):
    daily = cluster.catalog.daily_tables
    for words, names in (
        (["materialize"], cluster.catalog.business_tables),
        (["materialize", "--day", "2018-01-10"], daily),
        (["materialize", "--days", "2018-01-01..2018-03-31"], daily),
    ):
        with executors_dying(cluster.warehouse.root.parent) as killed:
            summary = olist(cluster.settings, *words)
        assert killed, f"{words}: there was no executor to kill"
        for name in names:
            assert stored_rows(cluster.warehouse, name) == stored_rows(finished.warehouse, name), f"{words}: {name}"
        sys.stdout.write(f"olist {' '.join(words)}: {len(killed)} executors killed, tables equal. {summary}\n")
