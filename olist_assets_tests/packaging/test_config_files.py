"""The configuration files name modules and classes that exist."""

import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from olist_assets.orchestration.instance import PACKAGED_CONFIG, WORKSPACE
from olist_assets_tests.conftest import PROJECT

CONFIG_FILES = ("dagster.yaml", "deploy/postgres/dagster.yaml")


@pytest.mark.parametrize("file", CONFIG_FILES)
def test_every_class_of_the_configuration_can_be_imported(file: str):
    named = list(classes(yaml.safe_load((PROJECT / file).read_text())))
    assert any(module.startswith("olist_assets.") for module, _ in named)
    assert [f"{module}.{name}" for module, name in named if not hasattr(import_module(module), name)] == []


def classes(config: Any) -> Iterator[tuple[str, str]]:
    """Module and class of each part that Dagster loads by name."""
    if isinstance(config, dict):
        if "module" in config:
            # Dagster itself translates the documented names of its modules into the private ones.
            yield config["module"].replace("dagster.core.", "dagster._core."), config["class"]
        for value in config.values():
            yield from classes(value)


def test_both_configurations_have_the_same_queue():
    """Otherwise runs that write one table would wait for each other in one of them only."""
    packaged, postgres = (yaml.safe_load((PROJECT / file).read_text()) for file in CONFIG_FILES)
    for part in ("concurrency", "run_coordinator", "telemetry"):
        assert packaged[part] == postgres[part]


@pytest.mark.parametrize("packaged", [PACKAGED_CONFIG, WORKSPACE], ids=lambda path: path.name)
def test_the_file_at_the_root_is_the_packaged_one(packaged: Path):
    assert (PROJECT / packaged.name).resolve() == packaged


def test_the_code_location_has_one_name():
    """Dagster stores under this name which sensors are turned on."""
    (local,) = yaml.safe_load(WORKSPACE.read_text())["load_from"]
    (served,) = yaml.safe_load((PROJECT / "deploy/postgres/workspace.yaml").read_text())["load_from"]
    assert local["python_module"]["location_name"] == served["grpc_server"]["location_name"]


def test_the_workspace_and_the_project_load_the_definitions(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # not beside a warehouse
    (location,) = yaml.safe_load((PROJECT / "workspace.yaml").read_text())["load_from"]
    project = tomllib.loads(Path(PROJECT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    for module in (location["python_module"]["module_name"], project["code_location_target_module"]):
        # Calls the function `defs` of the module, as Dagster does.
        assert dg.Definitions.merge(import_module(module).defs()).sensors
