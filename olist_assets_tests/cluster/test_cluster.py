"""A Spark master and two workers on this machine: the same graph gives the same tables, while executors are killed.

`make cluster-test`; what it showed stands in docs/deployment.md.
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

from olist_assets.catalog import tables
from olist_assets.engine.spark.jars import spark_submit
from olist_assets.jobs import DAILY_TABLES
from olist_assets_tests.conftest import use
from olist_assets_tests.rows import stored_rows
from olist_assets_tests.servers import free_port, server, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]
OLIST = str(Path(sys.executable).with_name("olist"))
WORKERS = 2
KILL_EVERY_SECONDS = 15.0
LOOPBACK = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1"}


@contextmanager
def running_cluster(folder: Path) -> Iterator[str]:
    """The address of a master that has all its workers, of one core each."""
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
def cluster(finished, monkeypatch, tmp_path):
    """Settings over an empty warehouse and a cluster, and the folders of its workers."""
    settings = use(monkeypatch, tmp_path, finished.data)
    with running_cluster(tmp_path) as address:
        monkeypatch.setenv("OLIST_SPARK_MASTER", address)
        monkeypatch.setenv("OLIST_SPARK_CONF", json.dumps({"spark.executor.memory": "1g"}))
        yield settings, tmp_path


def executors(folder: Path) -> list[int]:
    """Processes of the executors whose working folders are below this one."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            is_ours = process.name.isdigit() and (process / "cwd").resolve().is_relative_to(folder)
            if is_ours and b"CoarseGrainedExecutorBackend" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


@contextmanager
def executors_dying(folder: Path) -> Iterator[list[int]]:
    """While the body runs, an executor is killed every so often; gives those that were."""
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


def olist(*words: str) -> str:
    done = subprocess.run([OLIST, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-3] if len(done.stdout.splitlines()) > 2 else done.stdout


def test_the_graph_a_day_and_a_backfill_equal_the_embedded_ones_while_executors_are_killed(cluster, finished):
    settings, folder = cluster
    for words, names in (
        (["materialize"], tables()),
        (["materialize", "--day", "2018-01-10"], DAILY_TABLES),
        (["materialize", "--days", "2018-01-01..2018-03-31"], DAILY_TABLES),
    ):
        with executors_dying(folder) as killed:
            last = olist(*words)
        assert killed, f"{words}: no executor was there to be killed"
        for name in names:
            assert stored_rows(settings, name) == stored_rows(finished.settings, name), f"{words}: {name}"
        sys.stdout.write(f"olist {' '.join(words)}: {len(killed)} executors killed, tables equal. {last}\n")
