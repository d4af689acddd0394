"""Where the data are: in a folder, a zip, half a zip, nowhere; and files that cannot be used."""

import zipfile
from pathlib import Path

import pytest

from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.settings import SAMPLE_DATA, Settings
from olist_assets.source.files import checked_text, source_folder

ORDERS = SOURCES["orders"]


@pytest.fixture
def zipped(sample, tmp_path):
    """Zips the sample, its files under a prefix; returns settings that name the zip."""

    def make(prefix: str = "") -> Settings:
        path = tmp_path / "data.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for source in SOURCES.values():
                archive.write(sample / source.name, f"{prefix}{source.name}")
        return Settings(data=path, cache=tmp_path / "cache")

    return make


@pytest.mark.parametrize("prefix", ["", "brazilian-ecommerce/"])
def test_a_zip_is_read_as_it_is_and_unpacked_once(zipped, prefix, sample):
    settings = zipped(prefix)
    folder = source_folder(settings)
    assert folder.is_relative_to(settings.cache)
    for source in SOURCES.values():
        assert (folder / source.name).read_bytes() == (sample / source.name).read_bytes()
    before = folder.stat().st_mtime_ns
    assert source_folder(settings) == folder
    assert folder.stat().st_mtime_ns == before


def test_half_a_zip_is_refused_and_the_whole_one_is_read_after_it(zipped):
    settings = zipped()
    whole = settings.data.read_bytes()
    settings.data.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OlistError, match=r"data\.zip is not a whole zip file"):
        source_folder(settings)
    settings.data.write_bytes(whole)
    assert (source_folder(settings) / ORDERS.name).is_file()


def test_a_zip_with_a_damaged_file_is_refused(zipped):
    settings = zipped()
    content = bytearray(settings.data.read_bytes())
    content[len(content) // 2] ^= 0xFF
    settings.data.write_bytes(content)
    with pytest.raises(OlistError, match="is not a whole zip file"):
        source_folder(settings)


def test_a_cache_that_cannot_be_written_names_its_setting(zipped, tmp_path):
    settings = zipped()
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OlistError, match=r"Cannot unpack .*data\.zip.* Set OLIST_CACHE"):
        source_folder(settings)


def test_missing_data_are_an_error_with_the_path_and_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(OlistError, match=r"no data at .*nowhere: set OLIST_DATA"):
        source_folder(Settings(data=tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OlistError, match=f"olist sample-data {SAMPLE_DATA}"):
        source_folder(Settings())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "is missing. The data folder or zip must hold all nine files"),
        (b"", "is empty: it has no header line"),
        (b"\n", "is empty: it has no header line"),
        (b'"order_id"\ncaf\xe9\n', r"is not UTF-8: .* near byte 14\."),
        (b'"order_id"\ncut short: \xc3', r"is not UTF-8: .* near byte"),
    ],
)
def test_a_file_that_is_no_text_with_a_header_is_refused_by_name(tmp_path: Path, content, problem):
    if content is not None:
        (tmp_path / ORDERS.name).write_bytes(content)
    with pytest.raises(OlistError, match=f"{ORDERS.name} {problem}"):
        checked_text(tmp_path, ORDERS)
