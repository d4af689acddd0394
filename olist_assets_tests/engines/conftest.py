"""Warehouses over the same data: made by Spark in this process, and by Sail in another one."""

import shutil
from pathlib import Path

import pytest

from olist_assets.operations.platform import Platform
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun, make, settings_in
from olist_assets_tests.engines.sail import olist_on_sail

SEGMENTS = "gold_customer_segments_ml"
WITHOUT_MODELS = "group:bronze,group:silver,group:gold"


def made_by_sail(settings: Settings, selection: str = "*") -> Platform:
    """Make a selection on Sail. Raises AssertionError with everything that was printed."""
    code, text = olist_on_sail(settings, "materialize", "--select", selection)
    assert "tables," in text, text
    assert code == 0, text
    return Platform(settings)


@pytest.fixture(scope="session")
def by_sail(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Everything made by Sail from the data of `finished`; tests only read it."""
    return made_by_sail(settings_in(tmp_path_factory.mktemp("by_sail"), finished.data))


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the nine files and every kind of broken record."""
    folder = tmp_path_factory.mktemp("dirty")
    write_sample(folder, scale=0.01, dirty=True)
    return folder


@pytest.fixture(scope="session")
def dirty_by_both(
    spark, by_sail: Platform, dirty: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Platform, Platform]:
    """Bronze, silver and gold made from the dirty data by Spark and by Sail, with the same segments of customers."""
    both = [settings_in(tmp_path_factory.mktemp(f"dirty_by_{name}"), dirty) for name in ("spark", "sail")]
    for settings in both:
        shutil.copytree(
            by_sail.warehouse.path(SEGMENTS), Platform(settings).warehouse.path(SEGMENTS), dirs_exist_ok=True
        )
    by_spark = Platform(both[0])
    report = make(by_spark, WITHOUT_MODELS)
    assert report.succeeded, report
    return by_spark, made_by_sail(both[1], WITHOUT_MODELS)
