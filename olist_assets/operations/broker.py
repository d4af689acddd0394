"""A real Apache Kafka of one node for trying and tests: `olist broker`. It needs Java and nothing that is installed.

It listens on the loopback address only and asks for a password. Its folder keeps messages and password over restarts:
offsets that the tables of a warehouse have stored are offsets of this very topic, so the folder is in the warehouse.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from olist_assets.engine.spark.jars import JarSet
from olist_assets.engine.spark.java import java_version
from olist_assets.engine.spark.submit import spark_home
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.own_broker import login_with, password_file
from olist_assets.loopback import HOST, require_free
from olist_assets.operations.broker_files import BrokerFiles
from olist_assets.private_files import own_folder, write_private
from olist_assets.settings import Settings

KAFKA_VERSION, LOG4J_VERSION = "4.4.0", "2.25.5"
SECONDS_TO_START, SECONDS_TO_TAKE_OVER = 60, 5


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
    output: Path
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
        files = BrokerFiles(folder, jars)
        login = login_with(files.formatted())
        with _left_for_clients(login["sasl.password"], cache, port), files.started(port, lock) as process:
            broker = Broker(process, port, files.log, files.output, login)
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


def _await_answer(broker: Broker) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while broker.process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((HOST, broker.port), timeout=1):
            return
        time.sleep(0.05)
    said = broker.output.read_text(errors="replace")
    reason = " ".join(said.split())[-500:] or "it says nothing about the reason"
    raise OlistError(f"Kafka did not start: {reason}. Its log is {broker.log}.")
