"""A warehouse in an object store: what deltalake and Spark must know to reach it.

Credentials, region and endpoint come from the environment that AWS's own tools read (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL). What else a store needs is said in OLIST_SPARK_CONF.
"""

import os
from pathlib import Path

from dagster_deltalake import DeltaTableResource, LocalConfig, S3Config
from dagster_deltalake.config import ClientConfig
from deltalake import DeltaTable
from fsspec import AbstractFileSystem
from upath import UPath

ENDPOINT, REGION = "AWS_ENDPOINT_URL", "AWS_REGION"


def open_delta(path: Path, version: int | None = None) -> DeltaTable:
    """A table at a version, the newest unless one is named. Raises deltalake's errors."""
    if isinstance(path, Path):
        return DeltaTableResource(url=str(path), storage_options=LocalConfig(), version=version).load()
    config, client = _s3()
    return DeltaTableResource(url=str(path), storage_options=config, client_options=client, version=version).load()


def storage_options(path: Path) -> dict[str, str]:
    """What deltalake must be told to write at a place; nothing for a folder."""
    if isinstance(path, Path):
        return {}
    config, client = _s3()
    return {**config.str_dict(), **client.str_dict()}


def _s3() -> tuple[S3Config, ClientConfig]:
    endpoint = os.environ.get(ENDPOINT)
    # Such a server stands on this machine or in its own network; deltalake wants to be told.
    plain = True if endpoint and endpoint.startswith("http://") else None
    return S3Config(endpoint=endpoint, region=os.environ.get(REGION)), ClientConfig(allow_http=plain)


def object_store(address: str) -> AbstractFileSystem | None:
    """The file system that DuckDB reads an address through; None for a local one."""
    return UPath(address).fs if address.startswith("s3://") else None


def store_errors() -> tuple[type[Exception], ...]:
    """What the client of S3 raises besides OSErrors, as where nothing answers; none where it is not installed."""
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return ()
    return (BotoCoreError,)


def store_config() -> dict[str, str]:
    """Spark's settings for S3. Hadoop's client for it calls itself s3a; Delta knows it by both names."""
    config = {"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"}
    if region := os.environ.get(REGION):
        config["spark.hadoop.fs.s3a.endpoint.region"] = region
    if endpoint := os.environ.get(ENDPOINT):
        config |= {"spark.hadoop.fs.s3a.endpoint": endpoint, "spark.hadoop.fs.s3a.path.style.access": "true"}
    return config
