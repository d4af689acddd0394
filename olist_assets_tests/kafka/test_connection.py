"""One description of a Kafka for both clients, whose secrets are not shown."""

import traceback

import pytest

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka, jaas_config
from olist_assets.kafka.own_broker import password_file
from olist_assets.private_files import write_private
from olist_assets.settings import Address, Conf, Settings

SECRET = "hunter2"
LOGIN = {"security.protocol": "SASL_SSL", "sasl.username": "me", "sasl.password": SECRET}
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def spark_options(**conf: str) -> dict[str, str]:
    return Kafka("a:1,b:2", "t", {name.replace("_", "."): value for name, value in conf.items()}).spark_options


def test_both_clients_get_the_servers_and_read_committed_messages_only():
    assert Kafka("a:1,b:2", "t").client_options["bootstrap.servers"] == "a:1,b:2"
    assert spark_options() == {"kafka.bootstrap.servers": "a:1,b:2", "kafka.isolation.level": "read_committed"}


def test_a_users_properties_do_not_replace_the_servers():
    assert Kafka("a:1", "t", {"bootstrap.servers": "b:2"}).client_options["bootstrap.servers"] == "a:1"


@pytest.mark.parametrize("name", ["sasl.mechanism", "sasl.mechanisms"])
def test_spark_gets_user_and_password_as_a_login_of_java(name):
    options = Kafka("a:1", "t", {**LOGIN, name: "PLAIN"}).spark_options
    assert options["kafka.security.protocol"] == "SASL_SSL"
    assert options["kafka.sasl.mechanism"] == "PLAIN"
    assert options["kafka.sasl.jaas.config"] == f'{PLAIN} required username="me" password="{SECRET}";'
    assert "kafka.sasl.password" not in options


def test_quotes_in_a_password_do_not_end_it():
    assert jaas_config("PLAIN", "me", 'a"b\\') == f'{PLAIN} required username="me" password="a\\"b\\\\";'


def test_spark_gets_the_texts_of_pem_files(tmp_path):
    authority = tmp_path / "ca.pem"
    authority.write_text("certificate")
    options = spark_options(ssl_ca_location=str(authority), ssl_certificate_pem="mine", ssl_key_pem="key")
    assert options["kafka.ssl.truststore.certificates"] == "certificate"
    assert options["kafka.ssl.truststore.type"] == options["kafka.ssl.keystore.type"] == "PEM"
    assert options["kafka.ssl.keystore.certificate.chain"] == "mine"
    assert options["kafka.ssl.keystore.key"] == "key"


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"enable.ssl.certificate.verification": "false"}, "enable.ssl.certificate.verification"),
        ({"sasl.username": "me", "sasl.mechanism": "GSSAPI"}, "sasl.mechanism"),
        ({"ssl.ca.location": "nowhere.pem"}, "ssl.ca.location"),
    ],
)
def test_a_property_that_spark_cannot_have_is_named(conf, named):
    with pytest.raises(OlistError, match=f"OLIST_KAFKA_CONF: .*{named}"):
        _ = Kafka("a:1", "t", conf).spark_options


def test_secrets_are_in_no_text():
    kafka = Kafka("a:1", "t", {**LOGIN, "other.option": "1"})
    with pytest.raises(OlistError) as raised:
        _ = kafka.spark_options
    assert SECRET not in f"{kafka} {kafka!r} {''.join(traceback.format_exception(raised.value))}"
    settings = Settings(kafka_conf=Conf(LOGIN), kafka=Address("a:1,b:2"))
    assert SECRET not in f"{settings} {settings.model_dump()}"
    assert "a:1,b:2" in str(settings.kafka)


def test_doctor_prints_the_servers_and_no_password(olist, monkeypatch):
    monkeypatch.setenv("OLIST_KAFKA", "a.example:9092,b.example:9092")
    monkeypatch.setenv("OLIST_KAFKA_CONF", f'{{"sasl.username": "me", "sasl.password": "{SECRET}"}}')
    _, text = olist("doctor")
    assert "a.example:9092,b.example:9092" in text
    assert '"sasl.username": "me", "sasl.password": "***"' in text
    assert SECRET not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OLIST_KAFKA", f"me:{SECRET}@host:9092"), ("OLIST_KAFKA", "host"), ("OLIST_KAFKA", "kafka://host:9092"),
        ("OLIST_KAFKA_TOPIC", "a/b"), ("OLIST_KAFKA_TOPIC", ".."), ("OLIST_KAFKA_TOPIC", "x" * 250),
        ("OLIST_KAFKA_CONF", "[1]"), ("OLIST_KAFKA_CONF", f'{{"sasl.password": ["{SECRET}"]}}'),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_and_not_quoted_if_it_may_be_secret(olist, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    code, text = olist("doctor")
    assert code == 2
    assert text.startswith(f"Error: {name}: must be ")
    assert SECRET not in text


def test_the_password_of_a_broker_on_this_machine_is_found_and_those_of_the_settings_come_first(tmp_path):
    write_private(password_file(tmp_path, 9092), SECRET)
    assert Kafka.of(Settings(cache=tmp_path)).conf["sasl.password"] == SECRET
    assert Kafka.of(Settings(cache=tmp_path, kafka=Address("localhost:9092"))).conf["sasl.password"] == SECRET
    assert Kafka.of(Settings(cache=tmp_path, kafka=Address("other:9092"))).conf == {}
    assert Kafka.of(Settings(cache=tmp_path, kafka=Address("localhost:9093"))).conf == {}
    assert Kafka.of(Settings(cache=tmp_path, kafka_conf=Conf({"client.id": "x"}))).conf == {"client.id": "x"}
