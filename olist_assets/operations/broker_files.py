"""The folder of a broker: its messages, settings and log, and the two commands of Kafka that work on it."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from olist_assets.engine.spark.java import java_command
from olist_assets.engine.spark.submit import properties
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import MAX_MESSAGE_BYTES, jaas_config
from olist_assets.kafka.own_broker import MECHANISM, USER
from olist_assets.loopback import HOST
from olist_assets.private_files import write_private

# For one user: little memory, no threads for garbage, and no optimizing compiler that costs more than it saves.
JVM_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
SECONDS_TO_STOP = 10
# Reads until its parent has ended, however it ended: then nobody else would end the broker.
WATCH = 'read -r _; kill "$1"; sleep 10; kill -9 "$1"'


@dataclass(frozen=True)
class BrokerFiles:
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
        """What the broker and its Java print: errors of the last start only."""
        return self.folder / "logs" / "output.txt"

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
