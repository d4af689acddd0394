"""Credentials in addresses, settings and texts are not shown, however they are written."""

import json

import pytest
from pydantic import SecretStr

from olist_assets.errors import OlistError
from olist_assets.redaction import link, redacted, redacted_address, redacted_setting, without_values
from olist_assets.settings import Address, Conf, Settings, may_be_secret

ADDRESSES = {
    "sc://127.0.0.1:15002/;token=hunter2": "sc://127.0.0.1:15002/;token=***",
    "sc://h:443/;token=hunter2;x-databricks-cluster-id=1": "sc://h:443/;token=***;x-databricks-cluster-id=1",
    "sc://h/;use_ssl=true;TOKEN=hunter2": "sc://h/;use_ssl=true;TOKEN=***",
    "sc://h/;token=a@hunter2": "sc://h/;token=***",
    "sc://h/;token=a#hunter2": "sc://h/;token=***#***",
    "sc://h/;token=a?hunter2": "sc://h/;token=***?***",
    "sc://h/;token=a=hunter2": "sc://h/;token=***",
    "sc://h/;hunter2": "sc://h/;***",
    "sc://hunter2@h:15002": "sc://***@h:15002",
    "http://user:hunter2@h:5000/x": "http://***@h:5000/x",
    "HTTPS://user:hunter2@h": "HTTPS://***@h",
    "http://user:a@hunter2@h/x": "http://***@h/x",
    "http://user:a/hunter2@h/x": "http://***@h/x",
    "http://user:a:hunter2@[::1]:80/x": "http://***@[::1]:80/x",
    "http://user:hunter2": "http://***",
    "http://:hunter2@h": "http://***@h",
    "http://h/x?api_key=hunter2&page=1": "http://h/x?api_key=***&page=***",
    "http://h/x#access_token=hunter2": "http://h/x#access_token=***",
    "http://h/?X-Amz-Signature=hunter2": "http://h/?X-Amz-Signature=***",
    "postgresql+psycopg2://u:hunter2@h:5432/db?sslmode=require": "postgresql+psycopg2://***@h:5432/db?sslmode=require",
    "postgresql://u:hunter2@/db": "postgresql://***@/db",
    "postgresql:///db?user=u&password=hunter2": "postgresql:///db?user=***&password=***",
    "mysql://u:hunter2@h": "mysql://***@h",
    "s3://key:hunter2@bucket/a": "s3://***@bucket/a",
    "user:hunter2@h/db": "***@h/db",
    "mlflow-artifacts://u:hunter2@h/1": "mlflow-artifacts://***@h/1",
}
PLAIN = [
    "http://127.0.0.1:3000", "https://dagster.example/prefix", "sc://localhost:15002", "sc://[::1]:15002",
    "sqlite:////tmp/a@b/mlflow.db", "s3://bucket/a folder", "file:///tmp/x", "databricks", "/tmp/a@b", "local[2]",
    "mlflow-artifacts:/", "http://127.0.0.1:5000/#/experiments/1/runs/abc",
]  # fmt: skip
TEXTS = {
    "API request to http://u:hunter2@h/api failed (see 'sc://h/;token=hunter2').": "http://***@h/api",
    "no answer at (postgresql://u:hunter2@h/db), retry": "(postgresql://***@h/db), retry",
    "password=hunter2 is wrong": "password=*** is wrong",
    "password='my hunter2' is wrong": "password='***' is wrong",
    'or "password": "my\\"hunter2", or': 'or "password": "***", or',
    "aws_secret_access_key = hunter2": "aws_secret_access_key = ***",
    "Options: AWS_SECRET_ACCESS_KEY=hunter2, region=eu": "AWS_SECRET_ACCESS_KEY=***, region=eu",
    'in {"spark.hadoop.fs.s3a.secret.key": "hunter2"}': '"spark.hadoop.fs.s3a.secret.key": "***"',
    "-Djavax.net.ssl.trustStorePassword=hunter2 -Xmx2g": "trustStorePassword=*** -Xmx2g",
    "fs.s3a.access.key = hunter2 Authorization: Bearer hunter2hunter2": "= *** Authorization: Bearer ***",
    "Authorization: Basic hunter2hunter2==": "Authorization: Basic ***",
}
CONF = {
    "spark.hadoop.fs.s3a.secret.key": "hunter2", "spark.hadoop.fs.s3a.access.key": "hunter2",
    "spark.ssl.keyStorePassword": "hunter2", "spark.authenticate.secret": "hunter2", "a.TOKEN": "hunter2",
    "fs.azure.account.auth.type": "hunter2", "my.credentials": "hunter2", "jdbc.url": "jdbc:pg://u:hunter2@h/d",
    "spark.driver.extraJavaOptions": "-Dmy.password=hunter2",
}  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_is_shown_without_its_credentials(address):
    assert redacted_address(address) == ADDRESSES[address]
    assert "hunter2" not in f"{Address(address)} {Address(address)!r} {Settings(dagster_url=Address(address))}"
    assert "hunter2" not in link(address)
    assert "hunter2" not in redacted(f"at {address}: refused") or "://" not in address


@pytest.mark.parametrize("address", PLAIN)
def test_address_without_credentials_is_shown_as_it_is(address):
    assert (redacted_address(address), redacted(f"at {address}: refused")) == (address, f"at {address}: refused")


def test_link_has_neither_user_nor_parameters():
    assert link("https://user:hunter2@h:3000/prefix/?token=hunter2") == "https://h:3000/prefix"
    assert link("http://127.0.0.1:3000/") == "http://127.0.0.1:3000"


@pytest.mark.parametrize("text", TEXTS)
def test_text_of_an_error_is_shown_without_credentials(text):
    for shown in (redacted(text), str(OlistError(text)), f"{OlistError(text)}"):
        assert TEXTS[text] in shown
        assert "hunter2" not in shown


@pytest.mark.parametrize("name", CONF)
def test_secret_settings_of_spark_are_not_shown(name):
    assert "hunter2" not in redacted_setting(name, CONF[name])
    settings = Settings(spark_conf=Conf({name: CONF[name], "spark.sql.shuffle.partitions": "8"}))
    shown = f"{settings} {settings.model_dump()} {settings.spark_conf} {settings.model_dump_json()}"
    assert "hunter2" not in shown
    assert json.loads(str(settings.spark_conf))["spark.sql.shuffle.partitions"] == "8"
    assert settings.spark_conf.get_secret_value()[name] == CONF[name]


def test_settings_that_may_be_secret_are_known_by_their_type():
    found = {name for name in Settings.model_fields if may_be_secret(name)}
    assert found == {
        "spark_remote", "spark_conf", "kafka", "kafka_conf", "mlflow_tracking_uri", "mlflow_artifacts", "dagster_url",
        "alert_smtp_password", "alert_webhook", "mask_salt", "thrift_password",
    }  # fmt: skip
    assert not any(isinstance(getattr(Settings(), name), SecretStr) for name in Settings.model_fields.keys() - found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Conversion Error: Could not convert string 'São Paulo' to INT32", "Could not convert string '***' to INT32"),
        ("Conversion Error: 'it''s here' is not\nLINE 1: SELECT 'São Paulo'", "Conversion Error: '***''***' is not"),
        ("Invalid Input Error: value 'São Paulo", "value '***'"),
        ('Binder Error: Referenced column "order_status" not found', 'column "order_status" not found'),
    ],
)
def test_error_of_an_engine_is_shown_without_the_values_that_it_quotes(text, shown):
    assert shown in without_values(text)
    assert "Paulo" not in without_values(text)


def test_hiding_takes_time_in_proportion_to_the_text():
    assert redacted("token" * 20_000) == "token" * 20_000
    assert redacted("a" * 100_000) == "a" * 100_000
