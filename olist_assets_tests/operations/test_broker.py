"""The broker of `olist broker`: it keeps its messages, lets nobody else in, and ends with its parent."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from olist_assets.errors import OlistError
from olist_assets.kafka import topic
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import Messages
from olist_assets.kafka.own_broker import password_file
from olist_assets.kafka.topic import create, watermarks
from olist_assets.operations import broker as module
from olist_assets.operations.broker import broker_folder, kafka_jars, running_broker
from olist_assets.settings import Address, Settings
from olist_assets_tests.conftest import environment
from olist_assets_tests.kafka.sending import send
from olist_assets_tests.servers import answers, free_port, of_group, wait_until

COMMAND = [sys.executable, "-c", "from olist_assets.cli.main import main; main()", "broker"]


def test_messages_outlive_a_killed_broker_and_fresh_deletes_them(broker, tmp_path):
    folder, port, cache, stack = tmp_path / "kafka", free_port(), Settings().cache, ExitStack()
    with running_broker(folder, port, cache) as first:
        create(first.kafka("kept"))
        send(first.kafka("kept"), [b"1", b"2"])
        reader = stack.enter_context(Messages(first.kafka("kept"), {}))
        assert [batch.num_rows for batch in reader.read_until({0: 2})] == [2]
        first.process.kill()
        first.process.wait()
        assert reader.read() is None
    with running_broker(folder, port, cache) as again:
        send(again.kafka("kept"), [b"3"])
        assert watermarks(again.kafka("kept")) == {0: (0, 3)}
        # A reader from before logs in again and goes on.
        assert [batch.to_pylist()[0]["value"] for batch in reader.read_until({0: 3})] == ["3"]
    with running_broker(folder, port, cache, fresh=True) as fresh:
        with pytest.raises(OlistError, match="has no topic kept"):
            watermarks(fresh.kafka("kept"))
        assert fresh.login != again.login
    stack.close()


def test_folder_and_password_are_of_this_user_only(broker):
    folder, password = broker.log.parents[1], password_file(Settings().cache, broker.port)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert password.read_text() == broker.login["sasl.password"]
    assert stat.S_IMODE(password.stat().st_mode) == stat.S_IMODE(password.parent.stat().st_mode) & 0o600 == 0o600
    shown = " ".join(psutil.Process(broker.process.pid).cmdline())
    assert broker.login["sasl.password"] not in shown


def test_it_listens_on_the_loopback_address_only(broker):
    listening = [at for at in psutil.Process(broker.process.pid).net_connections() if at.status == psutil.CONN_LISTEN]
    assert {at.laddr.ip.removeprefix("::ffff:") for at in listening} == {"127.0.0.1"}
    assert len(listening) == 2


def test_neither_listener_lets_a_client_in_without_a_password(broker, monkeypatch):
    monkeypatch.setattr(topic, "SECONDS_TO_ANSWER", 1.0)
    listening = psutil.Process(broker.process.pid).net_connections()
    for port in {at.laddr.port for at in listening if at.status == psutil.CONN_LISTEN}:
        with pytest.raises(OlistError):
            watermarks(Kafka(f"127.0.0.1:{port}", "any"))


def test_a_second_start_on_its_folder_or_its_port_is_refused(broker, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_TO_TAKE_OVER", 0.1)
    folder, cache = broker.log.parents[1], Settings().cache
    with pytest.raises(OlistError, match=f"A broker already uses {folder}"), running_broker(folder, free_port(), cache):
        pass
    with (
        pytest.raises(OlistError, match=f"Cannot listen on 127.0.0.1:{broker.port}: .*--port"),
        running_broker(tmp_path / "kafka", broker.port, cache),
    ):
        pass
    assert password_file(cache, broker.port).exists()


def test_a_broker_that_does_not_start_says_why(broker, tmp_path):
    folder = tmp_path / "kafka"
    (folder / "data").mkdir(parents=True)
    (folder / "password").write_text("x")
    with (
        pytest.raises(OlistError, match=r"Kafka did not start: .*meta\.properties.*Its log is"),
        running_broker(folder, free_port(), Settings().cache),
    ):
        pass


def started(settings: Settings, port: int, log: Path) -> tuple[subprocess.Popen, psutil.Process]:
    """`olist broker` once it is ready, and its Java."""
    with log.open("w") as out:
        job = subprocess.Popen([*COMMAND, "--port", str(port)], env=os.environ | environment(settings), stdout=out)
    wait_until(lambda: "Next:" in log.read_text(), "the broker is ready")
    java = next(process for line, process in of_group(job).items() if "kafka.Kafka" in line)
    return job, java


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_the_command_says_what_to_do_and_ends_with_sigterm_and_its_broker_with_it_however_it_ends(
    broker, settings, tmp_path
):
    port, log = free_port(), tmp_path / "log"
    job, java = started(settings, port, log)
    kafka = Kafka.of(settings.model_copy(update={"kafka": Address(f"127.0.0.1:{port}")}))
    assert watermarks(kafka) == {0: (0, 0)}
    assert str(settings.warehouse_path / "kafka") in log.read_text()
    assert f"export OLIST_KAFKA=127.0.0.1:{port}" in log.read_text()
    job.kill()
    job.wait()
    wait_until(lambda: has_ended(java), "the broker has ended", 15)
    job, java = started(settings, port, log)
    job.send_signal(signal.SIGTERM)
    assert job.wait(timeout=15) == 0
    assert has_ended(java)
    assert log.read_text().endswith("Stopped.\n")
    assert (answers(port), password_file(settings.cache, port).exists()) == (False, False)


def test_without_java_it_says_how_to_get_it(olist, monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    code, text = olist("broker")
    assert (code, "Error: Kafka needs Java and found none on the PATH. Install Java 17" in text) == (2, True), text


def test_messages_are_kept_in_the_warehouse_or_beside_one_in_an_object_store(settings):
    assert broker_folder(settings) == settings.warehouse_path / "kafka"
    remote = settings.model_copy(update={"warehouse": "s3://bucket/folder"})
    assert broker_folder(remote).is_relative_to(settings.cache)


def test_its_jars_are_pinned_and_are_not_those_of_spark():
    assert len(kafka_jars().sha256) == 44
    assert "kafka_2.13-4.4.0.jar" in kafka_jars().sha256
