"""A broker with TLS listeners beside its own one: for a user with a password, and for a client with a certificate."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from olist_assets.engine.spark.java import java_command
from olist_assets.kafka.own_broker import MECHANISM
from olist_assets.operations import broker_files
from olist_assets.operations.broker import Broker, running_broker
from olist_assets_tests.servers import free_port

PASSWORD = "of-the-keystores"


@dataclass(frozen=True)
class KeyPair:
    """A self-signed certificate with its key in a PKCS #12 keystore, and the certificate alone as PEM."""

    keystore: Path
    certificate: Path


@dataclass(frozen=True)
class TlsBroker:
    """A running broker with the certificate `of_broker`, which knows the certificate `of_client`."""

    broker: Broker
    login_port: int
    certificate_port: int
    of_broker: KeyPair
    of_client: KeyPair

    @property
    def login(self) -> dict[str, str]:
        """The properties of a client that logs in with user and password, without the broker's certificate."""
        return {**self.broker.login, "security.protocol": "SASL_SSL"}

    @property
    def trusting(self) -> dict[str, str]:
        return {"ssl.ca.location": str(self.of_broker.certificate)}

    @property
    def certificate(self) -> dict[str, str]:
        """The properties of a client that shows its certificate."""
        return {
            "security.protocol": "SSL",
            "ssl.keystore.location": str(self.of_client.keystore),
            "ssl.keystore.password": PASSWORD,
        }


@contextmanager
def running_tls_broker(folder: Path, cache: Path) -> Iterator[TlsBroker]:
    """The broker while the body runs."""
    of_broker, of_client = key_pair(folder, "broker"), key_pair(folder, "client")
    ports = {"login": free_port(), "certificate": free_port()}
    properties = broker_files.properties

    def with_tls(config: dict[str, str]) -> str:
        login = f"{MECHANISM.lower()}.sasl.jaas.config"
        more = {
            "ssl.keystore.location": str(of_broker.keystore),
            "ssl.keystore.password": PASSWORD,
            "ssl.keystore.type": "PKCS12",
            "listener.name.login.sasl.enabled.mechanisms": MECHANISM,
            f"listener.name.login.{login}": config[f"listener.name.clients.{login}"],
            "listener.name.certificate.ssl.client.auth": "required",
            "listener.name.certificate.ssl.truststore.location": str(of_client.certificate),
            "listener.name.certificate.ssl.truststore.type": "PEM",
        }
        for name in ("listeners", "advertised.listeners"):
            more[name] = ",".join(
                [config[name], *(f"{each.upper()}://127.0.0.1:{port}" for each, port in ports.items())]
            )
        protocols = "listener.security.protocol.map"
        more[protocols] = f"{config[protocols]},LOGIN:SASL_SSL,CERTIFICATE:SSL"
        return properties(config | more)

    with (
        patch.object(broker_files, "properties", with_tls),
        running_broker(folder / "kafka", free_port(), cache) as broker,
    ):
        yield TlsBroker(broker, ports["login"], ports["certificate"], of_broker, of_client)


def key_pair(folder: Path, name: str) -> KeyPair:
    """A key and certificate for 127.0.0.1, made by Java's keytool."""
    made = KeyPair(folder / f"{name}.p12", folder / f"{name}.pem")
    tool = str(Path(java_command("Kafka")).with_name("keytool"))
    store = ["-keystore", str(made.keystore), "-storetype", "PKCS12", "-storepass", PASSWORD, "-alias", name]
    subject = ["-dname", f"CN={name}", "-ext", "san=ip:127.0.0.1", "-validity", "2"]
    for words in (["-genkeypair", "-keyalg", "EC", *subject], ["-exportcert", "-rfc", "-file", str(made.certificate)]):
        subprocess.run([tool, *words, *store], check=True, capture_output=True)
    return made
