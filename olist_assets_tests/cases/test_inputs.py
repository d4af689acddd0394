"""What really arrives: variants of the files that are read as the clean ones, and others that are refused."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from olist_assets.catalog import catalog
from olist_assets.contracts.source_files import INGESTED, SOURCES
from olist_assets.engine.choice import engine_of
from olist_assets.engine.source_reader import SourceReader
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.cases.inputs import READ, REFUSED
from olist_assets_tests.conftest import settings_in

WRONG_USE = 2


def tables(settings: Settings) -> dict[str, pa.Table]:
    """The nine files as bronze gets them, in the order of their values."""
    reader = SourceReader(Warehouse(settings, catalog()), engine_of(Settings()), allow_change=False)
    return {subject: in_order(reader.read(source).drop(INGESTED).toArrow()) for subject, source in SOURCES.items()}


def in_order(rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in rows.column_names]).combine_chunks()


@pytest.fixture(scope="module")
def clean(spark, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    return tables(Settings(data=sample, cache=tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize("name", READ)
def test_a_variant_is_read_as_the_clean_files(clean, sample, tmp_path, name):
    READ[name](sample, tmp_path / "data")
    found = tables(Settings(data=tmp_path / "data", cache=tmp_path / "cache"))
    assert [subject for subject, rows in found.items() if not rows.equals(clean[subject])] == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_variant_is_refused_with_its_cause_before_the_first_write(olist_with, sample, tmp_path, name):
    variant, message = REFUSED[name]
    variant(sample, tmp_path / "data")
    settings = settings_in(tmp_path, tmp_path / "data", cache=tmp_path / "cache")
    code, text = olist_with(settings)("materialize", "--select", "group:bronze")
    assert re.search(message, " ".join(text.split()))
    assert code == WRONG_USE
    assert Warehouse(settings, catalog()).existing_tables() == {}
