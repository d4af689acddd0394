"""A platform over a copy of the finished tables and of their source, which a test may change."""

from pathlib import Path

import pytest

from olist_assets.operations.platform import Platform
from olist_assets_tests.conftest import FinishedRun
from olist_assets_tests.copies import copy_of


@pytest.fixture
def copied(finished: FinishedRun, spark: object, tmp_path: Path) -> Platform:
    return Platform(copy_of(finished, tmp_path, with_source=True))
