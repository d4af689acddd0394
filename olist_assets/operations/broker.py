"""A real Apache Kafka of one node for trying and tests: `olist broker`. It needs Java and nothing that is installed.

It listens on the loopback address only and asks for a password. Its folder keeps messages and password over restarts:
offsets that the tables of a warehouse have stored are offsets of this very topic, so the folder is in the warehouse.
"""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from olist_assets.engine.spark.jars import JarSet
from olist_assets.engine.spark.java import java_command, java_version
from olist_assets.engine.spark.submit import properties, spark_home
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import MAX_MESSAGE_BYTES, Kafka, jaas_config
from olist_assets.kafka.own_broker import MECHANISM, USER, login_with, password_file
from olist_assets.loopback import HOST, require_free
from olist_assets.private_files import own_folder, write_private
from olist_assets.settings import Settings

KAFKA_VERSION, LOG4J_VERSION = "4.4.0", "2.25.5"
# For one user: little memory, no threads for garbage, and no optimizing compiler that costs more than it saves.
JVM_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
SECONDS_TO_START, SECONDS_TO_STOP, SECONDS_TO_TAKE_OVER = 60, 10, 5
OUTPUT = "output.txt"
"""What the broker and its Java print: errors of the last start only."""
# Reads until its parent has ended, however it ended: then nobody else would end the broker.
WATCH = 'read -r _; kill "$1"; sleep 10; kill -9 "$1"'


def kafka_jars() -> JarSet:
    """Kafka's JARs without Scala's library, which Spark does not resolve because it ships it."""
    pinned = (line.split() for line in Path(__file__).with_name("kafka_jars.sha256").read_text().splitlines())
    return JarSet(
        folder=f"kafka-{KAFKA_VERSION}",
        coordinates=(
            f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
            f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J_VERSION}",
        ),
        excluded="",
        sha256={name: digest for digest, name in pinned},
    )


def broker_folder(settings: Settings) -> Path:
    """Where the broker of these settings keeps its messages: in the warehouse, or in the cache if that is no folder."""
    return settings.cache / "broker" / "data" if settings.is_in_object_store else settings.warehouse_path / "kafka"


@dataclass(frozen=True)
class Broker:
    """A running broker."""

    process: subprocess.Popen
    port: int
    log: Path
    login: dict[str, str]

    def kafka(self, topic: str) -> Kafka:
        return Kafka(f"{HOST}:{self.port}", topic, self.login)


@contextmanager
def running_broker(folder: Path, port: int, cache: Path, *, fresh: bool = False) -> Iterator[Broker]:
    """A broker that answers while the body runs, with what it had when it ran last, or with nothing if `fresh`.

    Raises OlistError if the folder or the port is in use, or if it does not start.
    """
    java_version("Kafka")
    jars = [*kafka_jars().fetched(cache), *(spark_home() / "jars").glob("scala-library-*.jar")]
    with _locked(_prepared(folder)) as lock:
        require_free(port)
        if fresh:
            _delete_messages(folder)
        files = _Files(folder, jars)
        login = login_with(files.formatted())
        with _left_for_clients(login["sasl.password"], cache, port), files.started(port, lock) as process:
            broker = Broker(process, port, files.log, login)
            _await_answer(broker)
            yield broker


def _prepared(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return own_folder(folder, f"{folder} belongs to somebody else, so a broker's messages are not safe there.")
    except OSError as error:
        raise OlistError(f"Cannot write the broker's folder {folder}: {error.strerror}.") from error


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The lock of a folder, which the broker inherits: it holds as long as either of both processes lives."""
    opened = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + SECONDS_TO_TAKE_OVER
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                # A broker whose `olist broker` was killed ends within seconds.
                if time.monotonic() > deadline:
                    raise OlistError(
                        f"A broker already uses {folder}. Stop it, or set OLIST_WAREHOUSE to another warehouse."
                    ) from error
            time.sleep(0.2)
        yield opened
    finally:
        os.close(opened)


def _delete_messages(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


@contextmanager
def _left_for_clients(password: str, cache: Path, port: int) -> Iterator[None]:
    file = password_file(cache, port)
    try:
        file.unlink(missing_ok=True)
        write_private(file, password)
    except OSError as error:
        raise OlistError(f"Cannot write the broker's password to {file}: {error.strerror}. Set OLIST_CACHE.") from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Files:
    """The folder of a broker, and the commands that work on it."""

    folder: Path
    jars: Sequence[Path]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "broker.log"

    @property
    def output(self) -> Path:
        return self.log.parent / OUTPUT

    def formatted(self) -> str:
        """Make the folder one of Kafka unless it is; returns its user's password."""
        password = self.folder / "password"
        self.log.parent.mkdir(exist_ok=True)
        if self.data.exists():
            with suppress(FileNotFoundError):
                return password.read_text()
            raise OlistError(f"{password} is missing, so nobody can log in. Start anew: olist broker --fresh")
        password.unlink(missing_ok=True)
        write_private(password, secrets.token_urlsafe(32))
        # The final name says that the folder is complete: whoever is interrupted starts again.
        partial = self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._format(partial, password.read_text())
        partial.rename(self.data)
        return password.read_text()

    def _format(self, data: Path, password: str) -> None:
        config = self._configured(data, _free_ports(2), password)
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        user = f"{MECHANISM}=[name={USER},password={password}]"
        words = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config), "--add-scram", user]
        # In a file: other users of the machine see the arguments of a process.
        arguments = self.folder / "arguments"
        arguments.unlink(missing_ok=True)
        write_private(arguments, "\n".join(map(_argument, words)))
        done = subprocess.run(
            [*self._java(), f"@{arguments}"], capture_output=True, text=True, errors="replace", check=False
        )
        arguments.unlink()
        if done.returncode:
            said = " ".join((done.stdout + done.stderr).replace(password, "***").split())[-500:]
            raise OlistError(f"Kafka cannot prepare {self.folder}: {said}")

    @contextmanager
    def started(self, port: int, lock: int) -> Iterator[subprocess.Popen]:
        """The process of the broker, which ends after the body, or when this process ends in any other way."""
        config = self._configured(self.data, [port, *_free_ports(1)], (self.folder / "password").read_text())
        with self.output.open("w") as output:
            # In a group of its own: Ctrl-C in a terminal goes to `olist`, which ends the broker in order.
            process = subprocess.Popen(
                [*self._java(), "kafka.Kafka", str(config)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[lock], process_group=0,
            )  # fmt: skip
        watch = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, "sh", str(process.pid)],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0,
        )  # fmt: skip
        try:
            yield process
        finally:
            try:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(SECONDS_TO_STOP)
            finally:
                # Also if a second Ctrl-C interrupts the wait. The group of the watch: `sleep` is a child of the shell.
                with suppress(ProcessLookupError):
                    os.killpg(watch.pid, signal.SIGKILL)
                watch.communicate()
                process.kill()
                process.wait()

    def _java(self) -> list[str]:
        log_config = Path(__file__).with_name("broker_log4j2.properties").as_uri()
        system = (f"-Dlog4j2.configurationFile={log_config}", f"-Dolist.logs={self.log.parent}")
        return [java_command("Kafka"), *JVM_OPTIONS, *system, "-cp", ":".join(map(str, self.jars))]

    def _configured(self, data: Path, ports: Sequence[int], password: str) -> Path:
        """Write the broker's settings; returns their file. The second port is that of the controller."""
        (port, controller_port), controller = ports, secrets.token_urlsafe(32)
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "log.dirs": str(data),
            "listeners": f"CLIENTS://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
            "advertised.listeners": f"CLIENTS://{HOST}:{port}",
            "controller.quorum.voters": f"1@{HOST}:{controller_port}",
            "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
            "inter.broker.listener.name": "CLIENTS",
            "controller.listener.names": "CONTROLLER",
            "sasl.mechanism.inter.broker.protocol": MECHANISM,
            "listener.name.clients.sasl.enabled.mechanisms": MECHANISM,
            f"listener.name.clients.{MECHANISM.lower()}.sasl.jaas.config": jaas_config(MECHANISM, USER, password),
            # The users of SCRAM are known only after the controller has started, so it has one of its own, per start.
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.plain.sasl.jaas.config": jaas_config("PLAIN", "controller", controller).replace(
                ";", f' user_controller="{controller}";'
            ),
            "auto.create.topics.enable": "false",
            "default.replication.factor": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "message.max.bytes": str(MAX_MESSAGE_BYTES),
            "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
        }
        file = self.folder / "server.properties"
        file.unlink(missing_ok=True)
        write_private(file, properties(settings))
        return file


def _argument(word: str) -> str:
    """A word as Java reads it from a file of arguments."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _await_answer(broker: Broker) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while broker.process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((HOST, broker.port), timeout=1):
            return
        time.sleep(0.05)
    said = (broker.log.parent / OUTPUT).read_text(errors="replace")
    reason = " ".join(said.split())[-500:] or "it says nothing about the reason"
    raise OlistError(f"Kafka did not start: {reason}. Its log is {broker.log}.")
