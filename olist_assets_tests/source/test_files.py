"""Where the data is: a folder, a zip, half a zip, nothing."""

import shutil
import zipfile
from datetime import date

import pytest

from olist_assets.errors import OlistError
from olist_assets.settings import Settings
from olist_assets.contracts.source_files import SOURCES
from olist_assets.source.days import order_days
from olist_assets.source.files import source_folder


@pytest.fixture
def zipped(sample, tmp_path, monkeypatch):
    """A function that zips the sample, its files under a prefix, and puts the zip into the settings."""

    def make(prefix=""):
        path = tmp_path / "data.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for source in SOURCES.values():
                archive.write(sample / source.name, f"{prefix}{source.name}")
        monkeypatch.setenv("OLIST_DATA", str(path))
        monkeypatch.setenv("OLIST_CACHE", str(tmp_path / "cache"))
        return path

    return make


@pytest.mark.parametrize("prefix", ["", "brazilian-ecommerce/"])
def test_a_zip_is_read_as_it_is_and_unpacked_once(zipped, prefix, sample):
    zipped(prefix)
    folder = source_folder(Settings())
    assert (folder / SOURCES["orders"].name).read_bytes() == (sample / SOURCES["orders"].name).read_bytes()
    before = folder.stat().st_mtime_ns
    assert source_folder(Settings()) == folder
    assert folder.stat().st_mtime_ns == before


def test_half_a_zip_is_refused_and_the_whole_one_is_read_after_it(zipped):
    path = zipped()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OlistError, match=r"data\.zip is not a whole zip file"):
        source_folder(Settings())
    path.write_bytes(whole)
    assert source_folder(Settings()).is_dir()


def test_a_zip_with_a_damaged_file_is_refused(zipped):
    path = zipped()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(OlistError, match="is not a whole zip file"):
        source_folder(Settings())


def test_no_data_says_where_it_was_looked_for_and_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("OLIST_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(OlistError, match=r"no data at .*nowhere: set OLIST_DATA"):
        source_folder(Settings())
    monkeypatch.delenv("OLIST_DATA")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OlistError, match="olist sample-data data/sample"):
        source_folder(Settings())


def test_the_days_are_those_of_the_orders_and_follow_the_data(settings, sample, tmp_path, monkeypatch):
    assert order_days(settings) == (date(2016, 9, 4), date(2018, 10, 17))
    folder = tmp_path / "longer"
    shutil.copytree(sample, folder)
    with (folder / SOURCES["orders"].name).open("a") as orders:
        orders.write("new,c,created,2018-12-24 20:00:00,,,,2019-01-10 00:00:00\nbad,c,created,2081-99-99,,,,\n")
    monkeypatch.setenv("OLIST_DATA", str(folder))
    assert order_days(Settings()) == (date(2016, 9, 4), date(2018, 12, 24))


def test_orders_without_a_day_are_an_error_not_an_empty_platform(settings, tmp_path, monkeypatch):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / SOURCES["orders"].name).write_text(",".join(SOURCES["orders"].columns) + "\n")
    monkeypatch.setenv("OLIST_DATA", str(folder))
    with pytest.raises(OlistError, match="no order with a valid order_purchase_timestamp"):
        order_days(Settings())
