"""Servers that `olist` starts: a port in use, and their end with all their children."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from olist_assets.loopback import HOST
from olist_assets.settings import Settings
from olist_assets_tests.conftest import environment
from olist_assets_tests.servers import answers, free_port, wait_until

OLIST = str(Path(sys.executable).with_name("olist"))
WRONG_USE = 2
# The server ends at an interrupt and leaves its child, as Dagster does with its code servers.
SERVER = "import subprocess, sys; subprocess.Popen(['sleep', '600']).wait()"
SERVE = f"import sys; from olist_assets.cli.serving import serve; sys.exit(serve([sys.executable, '-c', {SERVER!r}]))"


@pytest.fixture
def port_in_use() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize("command", ["ui", "mlflow", "dashboard", "spark-server"])
def test_port_in_use_is_named_with_the_option_for_another_one(olist, monkeypatch, port_in_use, command):
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("it was started"))
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("it was started"))
    code, text = olist(command, "--port", str(port_in_use))
    assert code == WRONG_USE
    assert text.startswith(f"Error: Cannot listen on {HOST}:{port_in_use}: ")
    assert text.endswith("Choose another port with --port.\n")


def in_background(*words: str, **more: str) -> subprocess.Popen[bytes]:
    """A background job of a script, whose shell lets it ignore Ctrl-C."""
    script = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *words]
    return subprocess.Popen(script, env=os.environ | more, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def children_of(job: subprocess.Popen[bytes], count: int) -> list[psutil.Process]:
    """All processes below a job, once there are so many."""
    process = psutil.Process(job.pid)
    wait_until(lambda: len(process.children(recursive=True)) >= count, f"{count} children")
    return process.children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_signal_ends_a_background_server_and_all_its_children(number):
    job = in_background(sys.executable, "-c", SERVE)
    children = children_of(job, 2)
    job.send_signal(number)
    assert job.wait(timeout=30) == 0
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def test_server_that_ends_by_itself_leaves_nothing_and_its_exit_code():
    job = in_background(sys.executable, "-c", SERVE)
    server, child = children_of(job, 2)
    server.kill()
    assert job.wait(timeout=30) != 0
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.automation
def test_sigterm_ends_dagsters_ui_in_the_background_and_all_its_children(settings: Settings):
    port = free_port()
    job = in_background(OLIST, "ui", "--port", str(port), **environment(settings))
    wait_until(lambda: answers(port), "the UI answers")
    children = children_of(job, 5)
    job.terminate()
    assert job.wait(timeout=60) == 0
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
