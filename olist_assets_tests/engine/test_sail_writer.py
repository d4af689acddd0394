"""What is Sail's own in writing: the size and days of files, clustered tables refused, and no file left behind."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, convert_to_deltalake, write_deltalake
from pyspark.sql import functions as F

from olist_assets.engine import write_plan
from olist_assets.engine.sail.upkeep import is_scattered
from olist_assets.engine.upkeep import maintain
from olist_assets.engine.write_plan import Span
from olist_assets.errors import OlistError
from olist_assets.lakehouse.statistics import file_actions
from olist_assets.private_files import plain_scratch
from olist_assets_tests.engine.test_schema_change import DAILY
from olist_assets_tests.engine.writing import FIELDS, io_manager
from olist_assets_tests.rows import frame

FIRST, ROWS, DAYS = date(2017, 1, 1), 250_000, 500
ALL = Span("day", FIRST, FIRST + timedelta(DAYS))


@pytest.fixture
def large(spark, warehouse):
    """A daily table of several files, written in one run whose rows come in no order."""
    rows = spark.range(ROWS).select(
        F.sha2(F.col("id").cast("string"), 256).alias("a"),
        F.date_add(F.lit(FIRST), F.pmod(F.xxhash64("id"), F.lit(DAYS)).cast("int")).alias("day"),
    )
    io_manager(warehouse).store(rows, DAILY, ALL, FIELDS)
    return warehouse


def files(table: DeltaTable) -> list[tuple[date, date, int]]:
    """First and last day and rows of each file, in the order of the days."""
    found = file_actions(table)
    return sorted(zip(*(found[name].to_pylist() for name in ("min.day", "max.day", "num_records")), strict=True))


def test_files_have_about_so_many_rows_and_few_days(large):
    written = files(large.open(DAILY.name))
    assert len(written) > 1
    assert all(write_plan.ROWS_PER_FILE / 2 <= rows <= 2 * write_plan.ROWS_PER_FILE for _, _, rows in written[:-1])
    assert all(before[1] <= after[0] for before, after in pairwise(written))


def test_a_rerun_day_rewrites_the_files_that_have_it_and_no_other(spark, large):
    before = set(large.open(DAILY.name).file_uris())
    day = FIRST + timedelta(3)
    one = frame(spark, DAILY, {"a": "new", "day": day})
    io_manager(large).store(one, DAILY, Span("day", day, day + timedelta(1)), FIELDS)
    after = large.open(DAILY.name)
    assert len(before - set(after.file_uris())) == 1
    with large.sql({"t": after}) as con:
        assert con.sql(f"SELECT a FROM t WHERE day = DATE'{day}'").fetchall() == [("new",)]


def test_upkeep_sorts_the_days_again_once_and_then_leaves_the_table_alone(spark, large, engine):
    for at in range(0, DAYS, 50):
        day = FIRST + timedelta(at)
        one = frame(spark, DAILY, {"a": "new", "day": day})
        io_manager(large).store(one, DAILY, Span("day", day, day + timedelta(1)), FIELDS)
    path = large.path(DAILY.name)
    rows = large.rows_by_day(large.open(DAILY.name), "day")
    assert is_scattered(large.open(DAILY.name), "day")
    engine.optimize(path, DAILY)
    after = large.open(DAILY.name)
    assert not is_scattered(after, "day")
    assert large.rows_by_day(after, "day") == rows
    engine.optimize(path, DAILY)
    assert large.open(DAILY.name).version() == after.version()


def test_only_spark_clusters(engine, warehouse):
    with pytest.raises(OlistError, match=r"Only Spark can cluster tables: set OLIST_ENGINE=spark"):
        maintain(warehouse, engine, lambda *_: None, cluster=True)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path, rows: write_deltalake(path, rows, partition_by="day"), "partition columns"),
        (
            lambda path, rows: (
                pq.write_table(rows, f"{path}/part.parquet", use_deprecated_int96_timestamps=True)
                or convert_to_deltalake(path)
            ),
            r"INT96",
        ),
    ],
    ids=["partitioned", "int96"],
)
def test_a_table_that_sail_cannot_read_is_named_with_the_reason(engine, tmp_path, write, message):
    path = tmp_path / "foreign"
    path.mkdir()
    rows = pa.table({"day": [FIRST], "at": pa.array([datetime(2018, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))})
    write(str(path), rows)
    with pytest.raises(OlistError, match=rf"foreign has .*{message}.*OLIST_ENGINE=spark"):
        engine.read_table(DeltaTable(str(path)))


def test_nothing_of_a_write_is_left_in_the_scratch_folder(spark, warehouse):
    before = set(plain_scratch().iterdir())
    io_manager(warehouse).store(frame(spark, DAILY, {"a": "x", "day": FIRST}), DAILY, ALL, FIELDS)
    assert set(plain_scratch().iterdir()) == before
