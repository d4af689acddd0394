"""The one typed settings object: environment variables named OLIST_..., with their defaults.

Settings are constructed at the edge (command line, dashboard, definitions, notebook API) and passed down.
"""

import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import platformdirs
from pydantic import (
    ByteSize,
    Field,
    Secret,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from upath import UPath

from olist_assets.errors import OlistError
from olist_assets.redaction import SERVERS, link, redacted_address, redacted_setting

SAMPLE_DATA = Path("data/sample")
CONF_EXAMPLES = {
    "spark_conf": '{"spark.executor.memory": "4g", "spark.executor.cores": 2}',
    "kafka_conf": '{"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}',
}
ORIGIN = re.compile(r"https?://([a-z0-9_.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")
# What the system's limits and timers can represent.
MAX_SIZE, MAX_SECONDS = 1 << 50, 7 * 86_400
EngineName = Literal["sail", "spark"]


class Address(SecretStr):
    """An address that may have credentials: printed, logged or formatted, it has none."""

    def _display(self) -> str:
        return redacted_address(self.get_secret_value())

    @property
    def link(self) -> str:
        """The address for links that others open, without credentials and parameters."""
        return link(self.get_secret_value())


class Conf(Secret[dict[str, str]]):
    """Settings of a library by their names, of which some are secrets: these are not shown."""

    def _display(self) -> str:
        shown = {name: redacted_setting(name, value) for name, value in self.get_secret_value().items()}
        return json.dumps(shown)


def _no_role() -> None:
    """No role, unless the variable is set and empty: what was meant to restrict must not lift all restrictions."""
    if "OLIST_ROLE" in os.environ:
        raise OlistError("OLIST_ROLE is empty: name a role, or unset it.")


class Settings(BaseSettings):
    """What the platform reads from the environment. `olist doctor` prints the values in force.

    An empty variable counts as unset.
    """

    model_config = SettingsConfigDict(
        env_prefix="OLIST_", env_ignore_empty=True, frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    data: Path = SAMPLE_DATA
    """A folder with the nine CSV files, or the dataset's zip as downloaded."""
    days: str | None = None
    """The days of the daily tables, A..B; default: those of the orders in the warehouse."""
    warehouse: str = "warehouse"
    """Where the Delta tables are: <warehouse>/<layer>/<table>; a folder, or an address like s3://bucket/folder."""
    cache: Path = Field(default_factory=lambda: Path(platformdirs.user_cache_dir("olist-assets")))
    """Unpacked datasets, MLflow's empty database, JARs of Spark and Kafka; the folder may be deleted at any time."""
    engine: EngineName | None = None
    """What computes: `sail` (in the process, no Java) or `spark`; default: sail, unless one of the next two is set."""
    spark_master: str | None = None
    """Spark's master; default: local[2], Spark embedded in the process."""
    spark_remote: Address | None = None
    """A Spark Connect address (sc://host:port); no JVM starts on this machine then."""
    spark_conf: Annotated[Conf, NoDecode] = Conf({})
    """Spark settings as a JSON object; they override the platform's own."""
    driver_memory: str = "2g"
    """Memory of the embedded Spark's JVM: a whole number and a unit, such as 4g or 4GB."""
    kafka: Address | None = None
    """Kafka's bootstrap servers, host:port, separated by commas; default: the one of `olist broker`, 127.0.0.1:9092."""
    kafka_conf: Annotated[Conf, NoDecode] = Conf({})
    """Properties of Kafka's client (librdkafka), for example for SASL and TLS, as a JSON object."""
    kafka_topic: str = "olist.order_events"
    """The topic of the order events."""
    duckdb_memory: ByteSize = Field(default=ByteSize(2 << 30), ge=256 << 20, le=MAX_SIZE)
    """Memory of one check or query, such as 2GiB; larger intermediate results go to temporary files.

    A query of a role has no temporary files: it fails.
    """
    query_seconds: float = Field(default=60.0, gt=0, le=MAX_SECONDS)
    """Seconds that a query of a role may take."""
    result_size: ByteSize = Field(default=ByteSize(256 << 20), ge=1 << 20, le=MAX_SIZE)
    """Largest result of a query of a role, such as 256MiB."""
    steps_at_once: int = Field(default=3, ge=1)
    """Steps of a run that its process executes at once; more than cores, since a step also waits for commits."""
    lock_timeout: float = 120.0
    """Seconds to wait for another process that writes the same table."""
    as_of: date | None = None
    """The day up to which the data should reach, for freshness; default: the source's last day of purchase."""
    mlflow_tracking_uri: Address | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    """MLflow's server or database; default: SQLite and artifacts in <warehouse>/mlflow."""
    mlflow_artifacts: Address | None = None
    """The address or folder below which the files of models are; default: where MLflow puts them (docs/models.md)."""
    dagster_home: Path | None = Field(default=None, validation_alias="DAGSTER_HOME")
    """The folder with dagster.yaml and Dagster's history; default: <warehouse>/dagster."""
    dagster_url: Address = Address("http://127.0.0.1:3000")
    """The address of Dagster's UI, for links to runs."""
    allowed_origins: str | None = None
    """Addresses of the UI, the dashboard and MLflow behind a reverse proxy, separated by commas."""
    alert_email_to: str | None = None
    """Recipients of alerts by e-mail, separated by commas."""
    alert_email_from: str | None = None
    alert_smtp_host: str | None = None
    alert_smtp_port: int = 587
    alert_smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    alert_smtp_user: str | None = None
    alert_smtp_password: SecretStr | None = None
    alert_webhook: SecretStr | None = None
    """A Slack-compatible incoming webhook; the address is the credential."""
    alert_file: Path | None = None
    """A file to which every alert is appended as one line of JSON."""
    alert_quiet_hours: float = 24.0
    """Hours before an alert that is still failing is sent again."""
    runbooks: str = "docs/runbooks.md"
    """The address of the runbooks, for the links in alerts and on the Health page."""
    governance: Path = Path("governance.yaml")
    """The file of roles: which tables, columns and rows each role sees; default: the one of this package."""
    role: str | None = Field(default_factory=_no_role)
    """The role of `olist sql` and the dashboard; without one, file permissions alone decide."""
    thrift_password: SecretStr | None = None
    """The password of `olist thrift-server`; default: a new one at each start."""
    mask_salt: SecretStr | None = None
    """The secret key of the hashes that replace customers' ids, in masked tables and in the list of erasures."""

    @field_validator("warehouse")
    @classmethod
    def _is_a_folder_or_in_s3(cls, warehouse: str) -> str:
        # S3's credentials come from AWS's own variables; in the address they would be in every message and commit.
        if "://" in warehouse and not re.match("s3://[^/@]+(/|$)", warehouse):
            raise ValueError("must be a folder or s3://bucket/folder, without credentials")
        if not warehouse.isprintable():
            raise ValueError("must not contain line breaks or other control characters")
        return warehouse

    @field_validator("kafka")
    @classmethod
    def _are_servers(cls, servers: Address | None) -> Address | None:
        if servers is not None and not SERVERS.fullmatch(servers.get_secret_value()):
            raise ValueError(
                "must be host:port, several separated by commas, without credentials (these belong in OLIST_KAFKA_CONF)"
            )
        return servers

    @field_validator("kafka_topic")
    @classmethod
    def _is_a_topic(cls, topic: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", topic) or topic in (".", ".."):
            raise ValueError("must be a topic's name: at most 249 letters, digits, dots, underscores and hyphens")
        return topic

    @field_validator("days")
    @classmethod
    def _is_a_span(cls, days: str | None) -> str | None:
        if days is not None:
            try:
                first, last = (date.fromisoformat(day) for day in days.split(".."))
            except ValueError:
                first, last = date.max, date.min
            if first > last:
                raise ValueError("must be a span like 2016-09-04..2018-10-17")
        return days

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, origins: str | None) -> str | None:
        if origins is None:
            return None
        found = [origin.strip().lower().removesuffix("/") for origin in origins.split(",")]
        if not all(ORIGIN.fullmatch(origin) for origin in found):
            raise ValueError("must be addresses without a path, like https://dagster.example.com, separated by commas")
        return ",".join(found)

    @field_validator("driver_memory")
    @classmethod
    def _is_a_size_for_java(cls, memory: str) -> str:
        """The size as Java writes it: 4g, also if it is given as 4GB or 4 GiB."""
        found = re.fullmatch(r"(\d+)\s*([kmgt])(i?b)?", memory.strip(), re.IGNORECASE)
        if not found:
            raise ValueError("must be a size like 4g, 4GB or 512m")
        return f"{found[1]}{found[2].lower()}"

    @field_validator("duckdb_memory", "result_size", mode="wrap")
    @classmethod
    def _is_a_size(cls, size: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> ByteSize:
        try:
            return read(size)
        except ValidationError as error:
            least = "256MiB" if info.field_name == "duckdb_memory" else "1MiB"
            raise ValueError(f"must be a size like 2GiB, of at least {least} and at most 1PiB") from error

    @field_validator("as_of", mode="wrap")
    @classmethod
    def _is_a_day(cls, day: Any, read: ValidatorFunctionWrapHandler) -> date | None:
        try:
            return read(day)
        except ValidationError as error:
            raise ValueError("must be a day like 2018-10-17") from error

    @field_validator("spark_conf", "kafka_conf", mode="before")
    @classmethod
    def _is_a_flat_object(cls, conf: Any, info: ValidationInfo) -> dict[str, str]:
        """The settings as the library takes them: numbers and booleans of JSON become text."""
        conf = conf.get_secret_value() if isinstance(conf, Conf) else conf
        try:
            found = json.loads(conf) if isinstance(conf, str) else conf
            return {name: _as_text(value) for name, value in found.items()}
        except (ValueError, AttributeError, TypeError) as error:
            example = CONF_EXAMPLES[str(info.field_name)]
            raise ValueError(f"must be a JSON object of texts, numbers and booleans like {example}") from error

    @property  # not cached: model_copy would keep the cached path of another warehouse
    def warehouse_path(self) -> Path:
        """The warehouse; in an object store a UPath, which has the interface of a Path."""
        if not self.is_in_object_store:
            return Path(self.warehouse).expanduser().resolve()
        # A listing cached by this process would hide what an engine wrote later.
        return cast(Path, UPath(self.warehouse.rstrip("/"), use_listings_cache=False))

    @property
    def origins(self) -> list[str]:
        """The allowed origins, one by one."""
        return self.allowed_origins.split(",") if self.allowed_origins else []

    @property
    def is_in_object_store(self) -> bool:
        return "://" in self.warehouse


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return str(Settings.model_fields[name].validation_alias or f"OLIST_{name.upper()}")


def may_be_secret(name: str) -> bool:
    """Whether a setting is one whose value is not shown as it is."""
    kind = Settings.model_fields[name].annotation
    return any(isinstance(of, type) and issubclass(of, (SecretStr, Conf)) for of in (kind, *get_args(kind)))


def _as_text(value: Any) -> str:
    if not isinstance(value, str | bool | int | float):
        raise TypeError
    return value if isinstance(value, str) else json.dumps(value)
