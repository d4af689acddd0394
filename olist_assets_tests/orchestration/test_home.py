"""Dagster's home: one history per warehouse, from any working directory, after a move, and from earlier versions."""

import shutil
from pathlib import Path

import pytest

from olist_assets.errors import OlistError
from olist_assets.orchestration.home import dagster_home
from olist_assets.orchestration.instance import PACKAGED_CONFIG, instance
from olist_assets.settings import Settings

RUN = "a-run"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A warehouse whose history has no place of its own; the working directory is elsewhere."""
    monkeypatch.setenv("DAGSTER_HOME", "")  # restored after the test: opening the history sets it
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return Settings(warehouse=str(tmp_path / "lake" / "warehouse"))


def record(settings: Settings) -> None:
    with instance(settings) as storage:
        storage.run_storage.set_cursor_values({RUN: "recorded"})


def has_record(settings: Settings) -> bool:
    with instance(settings) as storage:
        return storage.run_storage.get_cursor_values({RUN}) == {RUN: "recorded"}


def test_two_working_directories_have_one_history_beside_the_tables(settings, tmp_path, monkeypatch):
    record(settings)
    monkeypatch.chdir(tmp_path)
    assert has_record(settings)
    assert dagster_home(settings) == settings.warehouse_path / "dagster"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".dagster", "dagster"))] == []
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["copy", "a copy's #1: 100%"])
def test_copied_warehouse_has_a_history_of_its_own(settings, tmp_path, name):
    record(settings)
    copy = settings.model_copy(update={"warehouse": str(tmp_path / name)})
    shutil.copytree(settings.warehouse_path, copy.warehouse_path)
    shutil.rmtree(settings.warehouse_path)
    assert has_record(copy)
    assert not settings.warehouse_path.exists()


def history_of_an_earlier_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history with relative folders, in the working directory."""
    monkeypatch.chdir(folder)
    shutil.copyfile(PACKAGED_CONFIG, folder / "dagster.yaml")
    record(Settings(warehouse=str(folder / "unused"), dagster_home=folder))
    shutil.copyfile(PACKAGED_CONFIG, folder / "dagster.yaml")


def test_history_of_an_earlier_version_is_continued_where_the_warehouse_has_tables(settings, tmp_path, monkeypatch):
    history_of_an_earlier_version(tmp_path / "elsewhere", monkeypatch)
    (settings.warehouse_path / "bronze").mkdir(parents=True)
    assert has_record(settings)
    monkeypatch.chdir(tmp_path)
    assert has_record(settings)
    assert not has_record(settings.model_copy(update={"warehouse": str(tmp_path / "new")}))


def test_home_of_an_earlier_version_gets_the_history_of_the_working_directory(settings, tmp_path, monkeypatch):
    history_of_an_earlier_version(tmp_path / "elsewhere", monkeypatch)
    (settings.warehouse_path / "bronze").mkdir(parents=True)
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(PACKAGED_CONFIG, home / "dagster.yaml")
    at_home = settings.model_copy(update={"dagster_home": home})
    assert has_record(at_home)
    monkeypatch.chdir(tmp_path)
    assert has_record(at_home)


def test_home_of_another_project_keeps_its_configuration(settings, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    config = f"storage:\n  sqlite:\n    base_dir: {tmp_path}/.dagster\n"
    (home / "dagster.yaml").write_text(config)
    record(settings.model_copy(update={"dagster_home": home}))
    assert (home / "dagster.yaml").read_text() == config


def test_relative_home_that_does_not_exist_is_made(settings):
    at_home = settings.model_copy(update={"dagster_home": Path("a/home")})
    record(at_home)
    assert (Path.cwd() / "a" / "home" / "dagster.yaml").is_file()


@pytest.mark.parametrize(
    "config",
    [
        "storage: [",
        "storage:\n  oracle: {}\n",
        "storage:\n  postgres:\n    postgres_url:\n      env: NOT_SET_ANYWHERE\n",
    ],
)
def test_configuration_that_cannot_be_used_is_one_line_with_its_file(settings, tmp_path, config):
    (tmp_path / "dagster.yaml").write_text(config)
    with pytest.raises(OlistError) as error, instance(settings.model_copy(update={"dagster_home": tmp_path})):
        pass
    assert str(tmp_path / "dagster.yaml") in str(error.value)
    assert "Set DAGSTER_HOME" in str(error.value)
    assert "\n" not in str(error.value)


def test_home_that_is_a_file_is_named(settings, tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OlistError, match="Set DAGSTER_HOME"),
        instance(settings.model_copy(update={"dagster_home": tmp_path / "file"})),
    ):
        pass
