"""A Kafka that encrypts: both engines verify its certificate, and say so if they cannot. Run by `make test-stream`."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.problems import NoAnswer
from olist_assets.kafka.topic import create
from olist_assets.operations.order_stream import take_available
from olist_assets.operations.platform import Platform
from olist_assets.settings import Settings
from olist_assets_tests.kafka.tls import TlsBroker, key_pair, running_tls_broker
from olist_assets_tests.order_events.events import order, send_orders, settings_for

pytestmark = [pytest.mark.stream, pytest.mark.usefixtures("each_engine")]


@pytest.fixture(scope="module")
def tls(broker, tmp_path_factory) -> Iterator[TlsBroker]:
    del broker  # skips without Java
    with running_tls_broker(tmp_path_factory.mktemp("tls"), Settings().cache) as running:
        yield running


@pytest.fixture
def topic(tls) -> Kafka:
    """A topic of the test with two orders, as the broker's own listener reaches it."""
    found = tls.broker.kafka(f"tls-{uuid.uuid4().hex}")
    create(found)
    send_orders(found, order(1), order(2))
    return found


def with_login(tls: TlsBroker, topic: Kafka, more: Mapping[str, str]) -> Kafka:
    """The topic for a client with user and password, and with more properties."""
    return Kafka(f"127.0.0.1:{tls.login_port}", topic.topic, {**tls.login, **more})


def with_certificate(tls: TlsBroker, topic: Kafka) -> Kafka:
    return Kafka(f"127.0.0.1:{tls.certificate_port}", topic.topic, tls.certificate | tls.trusting)


def taken(kafka: Kafka, settings: Settings) -> int:
    """Take what the topic has; returns the number of orders that are stored then."""
    platform = Platform(settings_for(kafka, settings))
    assert take_available(platform).rejected == 0
    return len(platform.warehouse.rows(platform.warehouse.open("bronze_orders")))


@pytest.mark.parametrize("how", ["ca file", "ca text", "certificate"])
def test_events_come_through_tls(tls, topic, settings, spark, how):
    if how == "certificate":
        kafka = with_certificate(tls, topic)
    elif how == "ca file":
        kafka = with_login(tls, topic, tls.trusting)
    else:
        kafka = with_login(tls, topic, {"ssl.ca.pem": tls.of_broker.certificate.read_text()})
    assert taken(kafka, settings) == 2


@pytest.mark.parametrize("wrong", ["no ca", "another ca", "another host"])
def test_a_broker_that_cannot_be_verified_is_refused(tls, topic, settings, wrong, tmp_path):
    kafka = with_login(tls, topic, tls.trusting)
    if wrong == "no ca":
        kafka = with_login(tls, topic, {})
    elif wrong == "another ca":
        kafka = with_login(tls, topic, {"ssl.ca.location": str(key_pair(tmp_path, "another").certificate)})
    else:
        kafka = replace(kafka, servers=f"localhost:{tls.login_port}")
    with pytest.raises(OlistError) as refused:
        taken(kafka, settings)
    assert f"Kafka at {kafka.servers} refuses this client: " in str(refused.value)
    assert "certificate verify failed" in str(refused.value)
    assert "OLIST_KAFKA_CONF holds its user, password and certificates" in str(refused.value)
    assert kafka.conf["sasl.password"] not in str(refused.value)


def test_a_client_without_its_certificate_learns_that(tls, topic, settings):
    kafka = with_certificate(tls, topic)
    kafka = replace(kafka, conf={name: value for name, value in kafka.conf.items() if "keystore" not in name})
    with pytest.raises(NoAnswer, match=r"alert bad certificate.*OLIST_KAFKA_CONF holds its certificates"):
        taken(kafka, settings)


@pytest.mark.parametrize(
    ("is_encrypted", "reason"),
    [(True, "connecting to a PLAINTEXT broker listener"), (False, "it asks for TLS or a login: set OLIST_KAFKA_CONF")],
)
def test_tls_on_one_side_only_is_named(tls, topic, settings, is_encrypted, reason):
    encrypted = with_login(tls, topic, tls.trusting)
    kafka = replace(topic, conf=encrypted.conf) if is_encrypted else replace(topic, servers=encrypted.servers)
    with pytest.raises(NoAnswer, match=reason):
        taken(kafka, settings)
