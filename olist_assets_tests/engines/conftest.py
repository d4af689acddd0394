"""Warehouses over the same data: made by Spark in this process, and by Sail in another one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from olist_assets.operations.platform import Platform
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import Settings
from olist_assets_tests.conftest import WITHOUT_CODE, FinishedRun, make, settings_in
from olist_assets_tests.engines.sail import Ask, OlistOnSail, asking_sail, olist_by

SEGMENTS = "gold_customer_segments_ml"
WITHOUT_MODELS = "group:bronze,group:silver,group:gold"


@pytest.fixture(scope="session")
def ask() -> Iterator[Ask]:
    with asking_sail() as asked:
        yield asked


@pytest.fixture(scope="session")
def olist_on_sail(ask: Ask) -> OlistOnSail:
    return olist_by(ask)


def made_by_sail(olist_on_sail: OlistOnSail, settings: Settings, selection: str = "*") -> Platform:
    """Make a selection on Sail. Raises AssertionError with everything that was printed."""
    code, text = olist_on_sail(settings, "materialize", "--select", selection)
    assert "tables," in text, text
    assert code == 0, text
    return Platform(settings)


@pytest.fixture(scope="session")
def by_sail(finished: FinishedRun, olist_on_sail: OlistOnSail, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Everything made by Sail from the data of `finished`; tests only read it."""
    return made_by_sail(olist_on_sail, settings_in(tmp_path_factory.mktemp("by_sail"), finished.data))


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the nine files and every kind of broken record."""
    folder = tmp_path_factory.mktemp("dirty")
    write_sample(folder, scale=0.01, dirty=True)
    return folder


def with_segments(settings: Settings, given: Platform) -> Platform:
    """A new warehouse that has the segments of customers of another one, and nothing else."""
    platform = Platform(settings)
    shutil.copytree(given.warehouse.path(SEGMENTS), platform.warehouse.path(SEGMENTS))
    return platform


def made_by_spark(settings: Settings, given: Platform) -> Platform:
    """Make bronze, silver and gold by Spark, with the segments of customers of another warehouse.

    With generated code; `finished` is made without it, so Sail is compared with both ways of Spark.
    """
    platform = with_segments(settings, given)
    with generated_code(platform.engine.session):
        report = make(platform, WITHOUT_MODELS)
    assert report.succeeded, report
    return platform


@contextmanager
def generated_code(spark: SparkSession) -> Iterator[None]:
    """Let Spark generate code for its expressions, as it does outside of the tests."""
    for name in WITHOUT_CODE:
        spark.conf.unset(name)
    try:
        yield
    finally:
        for name, value in WITHOUT_CODE.items():
            spark.conf.set(name, value)


@pytest.fixture(scope="session")
def dirty_by_both(
    spark: SparkSession,
    by_sail: Platform,
    olist_on_sail: OlistOnSail,
    dirty: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Platform, Platform]:
    """Bronze, silver and gold made from the dirty data by Spark and by Sail, with the same segments of customers."""
    for_spark, for_sail = (settings_in(tmp_path_factory.mktemp("dirty_by"), dirty) for _ in range(2))
    with_segments(for_sail, by_sail)
    return made_by_spark(for_spark, by_sail), made_by_sail(olist_on_sail, for_sail, WITHOUT_MODELS)
