"""How to reach a Kafka: one description, as the properties of librdkafka and as the options of Spark's source."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from olist_assets.errors import OlistError
from olist_assets.kafka import own_broker
from olist_assets.settings import Settings

MAX_MESSAGE_BYTES = 16 << 20
"""The largest message that clients send and read, with its headers, and that our own broker takes."""
# Properties that librdkafka and Kafka's Java client call the same, and those that they call otherwise.
SAME = {
    "client.id", "client.rack", "isolation.level", "metadata.max.age.ms", "sasl.kerberos.service.name",
    "security.protocol", "ssl.cipher.suites", "ssl.key.password", "ssl.keystore.location", "ssl.keystore.password",
}  # fmt: skip
RENAMED = {
    "sasl.mechanisms": "sasl.mechanism",
    "sasl.mechanism": "sasl.mechanism",
    "socket.receive.buffer.bytes": "receive.buffer.bytes",
    "socket.send.buffer.bytes": "send.buffer.bytes",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "max.partition.fetch.bytes": "max.partition.fetch.bytes",
    "fetch.max.bytes": "fetch.max.bytes",
}
LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
# Of the properties that hold a PEM text or the path of a file with one: the Java client's name, which takes the text.
PEM = {
    "ssl.ca": "ssl.truststore.certificates",
    "ssl.certificate": "ssl.keystore.certificate.chain",
    "ssl.key": "ssl.keystore.key",
}


@dataclass(frozen=True)
class Kafka:
    """A Kafka and the topic of the order events."""

    servers: str
    topic: str
    conf: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Properties of librdkafka; some are secrets."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The Kafka of these settings; where they name none, that of `olist broker` on this machine."""
        servers = settings.kafka.get_secret_value() if settings.kafka else own_broker.ADDRESS
        # Properties that are set come first: somebody may forward a port of this machine to another Kafka.
        conf = settings.kafka_conf.get_secret_value() or own_broker.login(settings.cache, servers)
        return cls(servers, settings.kafka_topic, conf)

    @property
    def client_options(self) -> dict[str, Any]:
        """Properties of any librdkafka client."""
        return {
            "client.id": "olist",
            # librdkafka would print to standard error; errors reach us as exceptions and callbacks.
            "log_level": 0,
            "logger": logging.getLogger("olist.kafka"),
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "receive.message.max.bytes": 128 << 20,
            "reconnect.backoff.max.ms": 1_000,
            **self.conf,
            "bootstrap.servers": self.servers,
        }

    @property
    def spark_options(self) -> dict[str, str]:
        """Options of Spark's Kafka source and sink. Raises OlistError for a property that Java's client lacks."""
        # Java's client would also read what a transaction took back; librdkafka's default is this.
        options = {"isolation.level": "read_committed", "bootstrap.servers": self.servers, **_security(self.conf)}
        understood = {"sasl.username", "sasl.password", *(f"{name}{kind}" for name in PEM for kind in KINDS_OF_PEM)}
        for name, value in self.conf.items():
            if name in SAME:
                options[name] = value
            elif name in RENAMED:
                options[RENAMED[name]] = value
            elif name not in understood:
                raise OlistError(
                    f"OLIST_KAFKA_CONF: Spark's Kafka client has no property for {name}. Leave it out, or stream with "
                    "OLIST_ENGINE=sail, which uses librdkafka."
                )
        return {f"kafka.{name}": value for name, value in options.items()}


KINDS_OF_PEM = (".location", ".pem")


def _security(conf: Mapping[str, str]) -> dict[str, str]:
    """The properties of SASL and TLS that Java's client calls otherwise."""
    options: dict[str, str] = {}
    if "sasl.username" in conf or "sasl.password" in conf:
        mechanism = (conf.get("sasl.mechanism") or conf.get("sasl.mechanisms") or "").upper()
        if mechanism not in LOGIN_MODULES:
            raise OlistError(
                f"OLIST_KAFKA_CONF: sasl.mechanism must be {', '.join(LOGIN_MODULES)} for a user and a password."
            )
        options["sasl.jaas.config"] = jaas_config(
            mechanism, conf.get("sasl.username", ""), conf.get("sasl.password", "")
        )
    for ours, theirs in PEM.items():
        text = conf.get(f"{ours}.pem") or _content(conf, f"{ours}.location")
        if text is not None:
            options[theirs] = text
            options[f"{theirs[: theirs.index('store') + len('store')]}.type"] = "PEM"
    return options


def _content(conf: Mapping[str, str], name: str) -> str | None:
    if name not in conf:
        return None
    try:
        return Path(conf[name]).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise OlistError(f"OLIST_KAFKA_CONF: the file of {name} cannot be read: {error}") from error


def jaas_config(mechanism: str, user: str, password: str) -> str:
    """The login of a Java client or of a broker itself."""
    return f"{LOGIN_MODULES[mechanism]} required username={_quoted(user)} password={_quoted(password)};"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
