"""The one typed settings object: environment variables named OLIST_..., with their defaults."""

import re
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import platformdirs
from pydantic import ByteSize, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from upath import UPath

SAMPLE_DATA = Path("data/sample")
ROOT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """What the platform reads from the environment. `olist doctor` prints what is in force."""

    model_config = SettingsConfigDict(env_prefix="OLIST_", frozen=True)

    data: Path = SAMPLE_DATA
    """A folder with the nine CSV files, or the dataset's zip as downloaded."""
    warehouse: str = "warehouse"
    """Where the Delta tables live: <warehouse>/<layer>/<table>; a folder, or an address like s3://bucket/folder."""
    cache: Path = Path(platformdirs.user_cache_dir("olist-assets"))
    """Delta's JARs and unpacked datasets: may be deleted at any time."""
    spark_master: str = "local[2]"
    spark_remote: str | None = None
    """A Spark Connect address (sc://host:port); then no JVM starts here."""
    spark_conf: dict[str, str] = {}
    """Spark settings as a JSON object; they win over the platform's own."""
    driver_memory: str = "2g"
    duckdb_memory: ByteSize = Field(default=ByteSize(2 << 30), ge=256 << 20)
    """What a check or a query may hold in memory, such as 2GiB; what is more goes to the disk for temporary files."""
    steps_at_once: int = Field(default=3, ge=1)
    """Steps of a run that its process makes at once. More than there are cores: a step also waits for commits."""
    lock_timeout: float = 120.0
    """Seconds to wait for another process that writes the same table."""
    as_of: date | None = None
    """The day that the data should reach, for their freshness; default: the source's last day of purchase."""
    mlflow_tracking_uri: str | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    """MLflow's server or database; default: SQLite and artifacts in <warehouse>/mlflow."""
    dagster_url: str = "http://127.0.0.1:3000"
    """Where people open Dagster's UI: what is shown or sent of a run links to it."""
    alert_email_to: str | None = None
    """Who gets alerts by e-mail, separated by commas."""
    alert_email_from: str | None = None
    alert_smtp_host: str | None = None
    alert_smtp_port: int = 587
    alert_smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    alert_smtp_user: str | None = None
    alert_smtp_password: SecretStr | None = None
    alert_webhook: SecretStr | None = None
    """A Slack-compatible incoming webhook: whoever knows the address can write there."""
    alert_file: Path | None = None
    """A file that gets a line of JSON an alert."""
    alert_quiet_hours: float = 24.0
    """What still fails is told again after so long."""
    governance: Path = ROOT / "governance.yaml"
    """The file of roles: who sees which tables, columns and rows."""
    role: str | None = None
    """The role that `olist sql` and the dashboard answer as; none: whatever the file system lets this user read."""
    mask_salt: SecretStr | None = None
    """The secret that customers' ids are hashed with, for masked tables and for erasures."""

    @field_validator("warehouse")
    @classmethod
    def _is_a_folder_or_in_s3(cls, warehouse: str) -> str:
        if "://" in warehouse and not re.match("s3://[^/]", warehouse):
            raise ValueError("a folder or s3://bucket/folder is wanted")
        return warehouse

    @cached_property
    def warehouse_path(self) -> Path:
        """The warehouse; in an object store a UPath, which answers as a Path does."""
        if not self.is_in_object_store:
            return Path(self.warehouse).expanduser().resolve()
        # Listings kept by this process would hide what Spark wrote since.
        return cast(Path, UPath(self.warehouse.rstrip("/"), use_listings_cache=False))

    @property
    def is_in_object_store(self) -> bool:
        return "://" in self.warehouse
