"""A warehouse in an object store: the options that deltalake and Spark need to reach it.

Credentials, region and endpoint come from the environment that AWS's own tools read (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL); Sail reads them by itself. Further options of Spark's client are
set by OLIST_SPARK_CONF.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from deltalake import DeltaTable
from fsspec import AbstractFileSystem
from upath import UPath

ENDPOINT, REGION = "AWS_ENDPOINT_URL", "AWS_REGION"


def open_delta(path: Path, version: int | None = None, options: Mapping[str, str] | None = None) -> DeltaTable:
    """A table at a version, the newest by default; `options` override those of the environment.

    Raises deltalake's errors.
    """
    return DeltaTable(str(path), version=version, storage_options=storage_options(path) | dict(options or {}))


def location(table: DeltaTable) -> Path:
    """The folder of an opened table."""
    return cast(Path, UPath(unquote(table.table_uri.removeprefix("file://").rstrip("/"))))


def storage_options(path: Path) -> dict[str, str]:
    """The options that deltalake needs to read or write at a path; none for a local folder."""
    if isinstance(path, Path):
        return {}
    options = {"endpoint": os.environ.get(ENDPOINT), "region": os.environ.get(REGION), "allow_http": allow_http()}
    return {name: value for name, value in options.items() if value}


def allow_http() -> str | None:
    """`true` for an endpoint without TLS, which deltalake refuses without this option; None for any other."""
    return "true" if os.environ.get(ENDPOINT, "").startswith("http://") else None


def object_store(address: str) -> AbstractFileSystem | None:
    """The file system that DuckDB reads an address through; None for a local one."""
    return UPath(address).fs if address.startswith("s3://") else None


def store_errors() -> tuple[type[Exception], ...]:
    """Errors of the S3 client that are no OSErrors, for example of an unreachable endpoint; () without that client."""
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return ()
    return (BotoCoreError,)


def store_config() -> dict[str, str]:
    """Spark's settings for S3, whose client in Hadoop is called s3a; Delta accepts both schemes."""
    config = {"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"}
    if region := os.environ.get(REGION):
        config["spark.hadoop.fs.s3a.endpoint.region"] = region
    if endpoint := os.environ.get(ENDPOINT):
        config |= {"spark.hadoop.fs.s3a.endpoint": endpoint, "spark.hadoop.fs.s3a.path.style.access": "true"}
    return config
