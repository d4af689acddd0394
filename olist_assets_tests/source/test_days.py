"""The days of the orders file: they follow the data, and a file without a day, or with too many, is an error."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from olist_assets.contracts.calendar import PUBLISHED, Calendar
from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.source.days import plausible_days, source_calendar

ORDERS = SOURCES["orders"]
TODAY = datetime.now(UTC).date()


@pytest.fixture
def con(warehouse: Warehouse):
    with warehouse.sql() as opened:
        yield opened


def orders_file(folder: Path, *records: str) -> Settings:
    """Settings over a folder whose orders file has these records."""
    folder.mkdir(exist_ok=True)
    (folder / ORDERS.name).write_text("\n".join([",".join(ORDERS.columns), *records]) + "\n")
    return Settings(data=folder, cache=folder / "cache")


def order(at: object, name: str = "o") -> str:
    return f"{name},c,created,{at},,,,"


def test_the_days_are_those_of_the_orders_and_follow_the_data(con: duckdb.DuckDBPyConnection, sample, tmp_path):
    assert source_calendar(con, Settings(data=sample)) == PUBLISHED
    longer = Settings(data=tmp_path / "longer")
    shutil.copytree(sample, longer.data)
    with (longer.data / ORDERS.name).open("a") as orders:
        orders.write("new,c,created,2018-12-24 20:00:00,,,,2019-01-10 00:00:00\nbad,c,created,2081-99-99,,,,\n")
    assert source_calendar(con, longer) == Calendar(PUBLISHED.first, date(2018, 12, 24))


def test_one_order_is_one_day(con: duckdb.DuckDBPyConnection, tmp_path):
    settings = orders_file(tmp_path / "it's here", order("2018-12-24 20:00:00"))
    assert source_calendar(con, settings) == Calendar(date(2018, 12, 24), date(2018, 12, 24))


@pytest.mark.parametrize(
    "time",
    [
        "1017-10-02 10:56:33", "20017-10-02 10:56:33", "9999-10-02 10:56:33", "2107-10-02 10:56:33",
        "1999-12-31 23:59:59", f"{TODAY + timedelta(3)} 00:00:00", "2017-10-02", "2017-13-02 10:56:33", "10:56:33",
    ],
)  # fmt: skip
def test_an_implausible_time_is_no_day(con: duckdb.DuckDBPyConnection, tmp_path, time):
    settings = orders_file(tmp_path / "data", order("2018-12-24 20:00:00"), order(time))
    assert source_calendar(con, settings) == Calendar(date(2018, 12, 24), date(2018, 12, 24))


def test_the_day_after_the_ingestion_is_plausible(con: duckdb.DuckDBPyConnection, tmp_path):
    settings = orders_file(tmp_path / "data", order(f"{TODAY} 23:59:59"))
    assert source_calendar(con, settings) == Calendar(TODAY, TODAY)


@pytest.mark.parametrize(
    ("times", "record"),
    [
        (["2004-10-02 10:00:00", "2018-01-01 10:00:00", "2018-01-02 10:00:00"], 1),
        (["2005-10-02 10:00:00", "2005-10-03 10:00:00", "2018-01-02 10:00:00"], 3),
    ],
)
def test_too_many_days_are_refused_with_the_record_that_causes_them(con, tmp_path, times, record):
    settings = orders_file(tmp_path / "data", *(order(at, f"order{number}") for number, at in enumerate(times)))
    with pytest.raises(OlistError, match=f"more than 4,000 days. Record {record} lies furthest"):
        source_calendar(con, settings)


@pytest.mark.parametrize("records", [[], [order("soon")]], ids=["no order", "no valid time"])
def test_orders_without_a_day_are_an_error(con: duckdb.DuckDBPyConnection, tmp_path, records):
    settings = orders_file(tmp_path / "data", *records)
    assert plausible_days(con, settings) is None
    with pytest.raises(OlistError, match="no order with a valid order_purchase_timestamp"):
        source_calendar(con, settings)


def test_a_missing_file_is_an_error_that_names_it(con: duckdb.DuckDBPyConnection, tmp_path):
    with pytest.raises(OlistError, match=f"{ORDERS.name} in .* is missing"):
        source_calendar(con, Settings(data=tmp_path))
