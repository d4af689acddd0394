"""An IO manager over the test's warehouse, and assets that write and read one table with it."""

import pytest
from pyspark.sql import SparkSession

from olist_assets.engine.choice import engine_of
from olist_assets.engine.engine import Engine
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.engine.writing import io_manager


@pytest.fixture
def engine(spark: SparkSession, settings: Settings) -> Engine:
    """The platform's engine; it finds the test process's session running."""
    return engine_of(settings)


@pytest.fixture
def manager(spark: SparkSession, warehouse: Warehouse) -> DeltaIOManager:
    """The IO manager of a run that does not allow a change of schema."""
    return io_manager(warehouse)
