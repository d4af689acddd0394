"""Versions planted in MLflow's registry with a champion's alias: wherever their files are, they are not loaded."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from olist_assets.mlops.flavours import CHAMPION_ALIASES, FLAVOUR_TAG
from olist_assets.mlops.model_refused import ModelRefused
from olist_assets.mlops.places import artifact_root, artifacts, checked_address
from olist_assets.mlops.registry import champion, client
from olist_assets.mlops.stored_files import DIGEST, digest_of, private_copy
from olist_assets.settings import Address, Settings
from olist_assets_tests.mlops.conftest import MODEL
from olist_assets_tests.mlops.planted import ASSEMBLER, described, plant_pipeline, stage, write_metadata

FOLDER = "small_model/models/m-1/artifacts"


@pytest.fixture
def on_spark(tracked: Settings) -> Settings:
    """The settings of Spark, which is not started; a pipeline of ours is in the folder of the artifacts."""
    plant_pipeline(artifacts(tracked) / FOLDER / "sparkml")
    return tracked.model_copy(update={"engine": "spark"})


def plant(settings: Settings, source: str, digest: str | None = None) -> None:
    """Register a version of these files and make it champion, as anybody who reaches MLflow's port can."""
    mlflow, tags = client(settings), {FLAVOUR_TAG: "spark"} | ({DIGEST: digest} if digest else {})
    mlflow.create_registered_model(MODEL.name)
    version = mlflow.create_model_version(MODEL.name, source, tags=tags)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES["spark"], str(version.version))


# `{root}` is the root itself.
ELSEWHERE = {
    "another folder": "file:///tmp/evil",
    "a path without a scheme": "/tmp/evil",
    "a relative path": "evil",
    "the folder above": "{root}/..",
    "a folder beside": "{root}-evil/a",
    "the root itself": "{root}",
    "the root with a slash": "{root}/",
    "two dots": "{root}/small_model/../../../evil",
    "two dots, encoded": "{root}/%2e%2e/%2e%2e/evil",
    "two dots, encoded twice": "{root}/%252e%252e/evil",
    "a slash, encoded": "{root}/..%2f..%2fevil",
    "a backslash": "{root}/..\\..\\evil",
    "one dot": "{root}/./a",
    "an empty name": "{root}//a",
    "a null byte": "{root}/a%00b",
    "a line break": "{root}/a%0Ab",
    "a star": "{root}/*",
    "a star, encoded": "{root}/%2A",
    "a class of letters": "{root}/[a-z]",
    "alternatives": "{root}/{{a,b}}",
    "a question mark": "{root}/a?b",
    "a fragment": "{root}/a#b",
    "a hidden folder": "{root}/.ssh",
    "another machine": "file://evil.example/tmp/evil",
    "this machine by its name": "file://localhost/tmp/evil",
    "a path within a file's address": "file:evil",
    "HTTP": "http://127.0.0.1:9/evil",
    "FTP": "ftp://127.0.0.1/evil",
    "SFTP": "sftp://127.0.0.1/evil",
    "S3": "s3://evil/model",
    "HDFS": "hdfs://evil/model",
    "DBFS": "dbfs:/evil",
    "a server's artifacts": "mlflow-artifacts:/1/models/m-1/artifacts",
    "another server's artifacts": "mlflow-artifacts://evil.example:80/1",
    "a run": "runs:/0123456789abcdef0123456789abcdef/model",
    "a model": "models:/m-0123456789abcdef0123456789abcdef",
    "nothing": "",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_files_outside_the_root_are_not_read(settings, name):
    with pytest.raises(ModelRefused, match=r"is not below .*Nothing was read"):
        checked_address(settings, ELSEWHERE[name].format(root=artifact_root(settings)))


@pytest.mark.parametrize("name", ["another folder", "HTTP", "S3", "two dots, encoded"])
def test_champion_outside_the_root_is_refused(on_spark, name):
    plant(on_spark, ELSEWHERE[name].format(root=artifact_root(on_spark)), "0" * 64)
    with pytest.raises(ModelRefused, match="Nothing was read"):
        champion(on_spark, MODEL)


@pytest.mark.parametrize("folder", ["a copy's 100%", "b[1]", "plain"])
def test_files_below_the_root_are_found_whatever_its_name_is(settings, tmp_path, folder):
    here = settings.model_copy(update={"warehouse": str(tmp_path / folder)})
    address = (artifacts(here) / FOLDER).as_uri()
    assert checked_address(here, address) == address


def test_root_is_where_mlflow_puts_files_or_as_set(settings, tmp_path, monkeypatch):
    def root(**changes: str) -> str:
        return artifact_root(settings.model_copy(update={name: Address(value) for name, value in changes.items()}))

    monkeypatch.chdir(tmp_path)
    assert root() == artifacts(settings).as_uri()
    assert root(mlflow_tracking_uri="https://mlflow.example") == "mlflow-artifacts:/"
    assert root(mlflow_tracking_uri="sqlite:///a.db") == (tmp_path / "mlruns").as_uri()
    assert root(mlflow_artifacts="s3://bucket/models") == "s3://bucket/models"
    assert root(mlflow_artifacts="dbfs:/models") == "dbfs:/models"
    assert root(mlflow_artifacts=str(tmp_path)) == tmp_path.as_uri()
    bucket = settings.model_copy(update={"mlflow_artifacts": Address("s3://bucket/models/")})
    assert checked_address(bucket, "s3://bucket/models/a/b") == "s3://bucket/models/a/b"
    with pytest.raises(ModelRefused):
        checked_address(bucket, "s3://other/models/a/b")


def test_code_in_a_champion_with_a_digest_of_its_own_does_not_run(on_spark, tmp_path):
    files = artifacts(on_spark) / FOLDER
    write_metadata(stage(files / "sparkml", ASSEMBLER), described("joblib.load", ASSEMBLER))
    plant(on_spark, files.as_uri(), digest_of(files))
    with pytest.raises(ModelRefused, match=r"'joblib.load', which no model of ours has"):
        champion(on_spark, MODEL)


def test_champion_without_a_digest_is_refused(on_spark):
    plant(on_spark, (artifacts(on_spark) / FOLDER).as_uri())
    with pytest.raises(ModelRefused, match=f"without a digest of its files .tag `{DIGEST}`"):
        champion(on_spark, MODEL)


def renamed(files: Path) -> None:
    (files / "sparkml" / "metadata" / "_SUCCESS").rename(files / "sparkml" / "metadata" / "_success")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a changed file": lambda files: write_metadata(files / "sparkml", json.dumps({}).encode()),
    "a new file": lambda files: (files / "sparkml" / "new").touch(),
    "a new file beside": lambda files: (files / "MLmodel").touch(),
    "a removed file": lambda files: (files / "sparkml" / "metadata" / "_SUCCESS").unlink(),
    "a renamed file": renamed,
    "a link to a file": lambda files: (files / "link").symlink_to("/etc/passwd"),
    "a link to a folder": lambda files: (files / "link").symlink_to("/etc"),
    "a link to nothing": lambda files: (files / "link").symlink_to("/nowhere"),
    "a pipe": lambda files: os.mkfifo(files / "pipe"),
    "a name with a star": lambda files: (files / "*").touch(),
    "a name with a line break": lambda files: (files / "a\nb").touch(),
    "a name with a space": lambda files: (files / "a b").mkdir(),
    "a thousand files": lambda files: [(files / f"f{number}").touch() for number in range(1_000)],
    "a file of a terabyte": lambda files: os.truncate(files / "sparkml" / "metadata" / "_SUCCESS", 1 << 40),
    "a folder that is a link": lambda files: files.rename(files.with_name("m")) and files.symlink_to("m"),
    "a folder above that is a link": lambda files: (
        files.parents[2].rename(files.parents[3] / "m") and files.parents[2].symlink_to("m")
    ),
    "no folder": lambda files: files.rename(files.with_name("m")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_champion_whose_files_changed_is_refused(on_spark, name):
    files = artifacts(on_spark) / FOLDER
    plant(on_spark, files.as_uri(), digest_of(files))
    CHANGES[name](files)
    with pytest.raises(ModelRefused):
        champion(on_spark, MODEL)


def test_what_is_loaded_is_a_copy_that_nobody_else_can_open(on_spark):
    files = artifacts(on_spark) / FOLDER
    plant(on_spark, files.as_uri(), digest_of(files))
    version = client(on_spark).get_model_version(MODEL.name, "1")
    with private_copy(on_spark, version, files.as_uri()) as copy:
        (files / "sparkml" / "late").touch()
        assert digest_of(copy) == version.tags[DIGEST] != digest_of(files)
        assert copy.resolve().parent.stat().st_mode & 0o077 == 0
    assert not copy.exists()
