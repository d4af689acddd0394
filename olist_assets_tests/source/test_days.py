"""The days of the orders file: they follow the data, and a file without a day is an error."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from olist_assets.contracts.calendar import PUBLISHED, Calendar
from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.source.days import source_calendar

ORDERS = SOURCES["orders"]


@pytest.fixture
def con(warehouse: Warehouse):
    with warehouse.sql() as opened:
        yield opened


def orders_file(folder: Path, *records: str) -> Path:
    """A folder whose orders file has these records."""
    folder.mkdir(exist_ok=True)
    (folder / ORDERS.name).write_text("\n".join([",".join(ORDERS.columns), *records]) + "\n")
    return folder


def test_the_days_are_those_of_the_orders_and_follow_the_data(con: duckdb.DuckDBPyConnection, sample, tmp_path):
    assert source_calendar(con, sample) == PUBLISHED
    shutil.copytree(sample, tmp_path / "longer")
    with (tmp_path / "longer" / ORDERS.name).open("a") as orders:
        orders.write("new,c,created,2018-12-24 20:00:00,,,,2019-01-10 00:00:00\nbad,c,created,2081-99-99,,,,\n")
    assert source_calendar(con, tmp_path / "longer") == Calendar(PUBLISHED.first, date(2018, 12, 24))


def test_one_order_is_one_day(con: duckdb.DuckDBPyConnection, tmp_path):
    folder = orders_file(tmp_path / "it's here", "o,c,created,2018-12-24 20:00:00,,,,")
    assert source_calendar(con, folder) == Calendar(date(2018, 12, 24), date(2018, 12, 24))


@pytest.mark.parametrize("records", [[], ["o,c,created,soon,,,,"]], ids=["no order", "no valid time"])
def test_orders_without_a_day_are_an_error(con: duckdb.DuckDBPyConnection, tmp_path, records):
    with pytest.raises(OlistError, match="no order with a valid order_purchase_timestamp"):
        source_calendar(con, orders_file(tmp_path / "data", *records))


def test_a_missing_file_is_an_error_that_names_it(con: duckdb.DuckDBPyConnection, tmp_path):
    with pytest.raises(OlistError, match=f"{ORDERS.name} cannot be read"):
        source_calendar(con, tmp_path)
