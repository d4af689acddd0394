"""A warehouse in an object store: the options that deltalake and Spark need to reach it.

Credentials, region and endpoint come from the environment that AWS's own tools read (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL); Sail reads them by itself. Further options of Spark's client are
set by OLIST_SPARK_CONF.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError
from fsspec import AbstractFileSystem
from upath import UPath

from olist_assets.paths import plain_path

LOG = "_delta_log"
LOCAL = "fs://localhost"
# Characters that end or break the parts of a URL, and those that look encoded.
MISREAD = re.compile(r"[][\\^|]|%[0-9A-Fa-f]{2}")
ENDPOINT, REGION = "AWS_ENDPOINT_URL", "AWS_REGION"


def open_delta(path: Path, version: int | None = None, options: Mapping[str, str] | None = None) -> DeltaTable:
    """A table at a version, the newest by default; `options` override those of the environment.

    Raises deltalake's errors.
    """
    options = storage_options(path) | dict(options or {})
    if not _is_misread(path):
        return DeltaTable(str(path), version=version, storage_options=options)
    if not (path / LOG).is_dir():
        raise TableNotFoundError(f"There is no {LOG} in {path}.")
    return DeltaTable(f"{LOCAL}{plain_path(path)}", version=version, storage_options=options)


def write_delta(path: Path, rows: Any, **options: Any) -> None:
    """Write rows at a path; the options are those of deltalake's `write_deltalake`. Raises deltalake's errors."""
    address = str(path)
    if _is_misread(path):
        (path / LOG).mkdir(parents=True, exist_ok=True)
        address = f"{LOCAL}{plain_path(path)}"
    write_deltalake(address, rows, storage_options=storage_options(path), **options)


def vacuum(path: Path, retention_hours: int) -> None:
    """Remove data files that are older than this and that the newest version does not need.

    Also files that no version has ever known, as those of a killed write.
    """
    table = open_delta(path)
    if not _is_misread(path):
        table.vacuum(retention_hours, dry_run=False, enforce_retention_duration=False, full=True)
        return
    # The list has the folder itself, on which a full vacuum by this client would fail.
    unneeded = table.vacuum(retention_hours, dry_run=True, enforce_retention_duration=False, full=True)
    for name in filter(None, unneeded):
        (path / name).unlink()


def path_of(address: str) -> str:
    """The path of a table or file that deltalake names; an address in an object store stays one."""
    # Parts of a URL: a space is %20.
    text = unquote(address.removeprefix("file://"))
    return str(Path(text.removeprefix(LOCAL)).resolve()) if text.startswith(LOCAL) else text


def _is_misread(path: Path) -> bool:
    """Whether deltalake would take a folder for another one, or stop with a panic.

    It resolves links, so that a plain path to the folder is no help. Its second client for local files, OpenDAL's,
    does not; with it a commit is atomic, but creation is not exclusive: hence for these paths only, under our locks.
    """
    return isinstance(path, Path) and bool(MISREAD.search(str(path.resolve())))


def location(table: DeltaTable) -> Path:
    """The folder of an opened table."""
    return cast(Path, UPath(path_of(table.table_uri.rstrip("/"))))


def storage_options(path: Path) -> dict[str, str]:
    """The options that deltalake needs to read or write at a path; none for a local folder, except a misread one."""
    if _is_misread(path):
        # Files are written there under other names, which no reader takes for a part of the log.
        return {"opendal.root": "/", "opendal.atomic_write_dir": f"{plain_path(path)}/{LOG}"}
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
