"""What is Spark's own in writing: the order of a daily table's rows, its errors, and what deltalake has to read."""

from dataclasses import replace
from datetime import date

import pytest
from pyspark.errors import PySparkException

from olist_assets.contracts.quoting import spark_path
from olist_assets.engine import write_plan
from olist_assets.engine.conformance import ContractViolation
from olist_assets.engine.spark.delta_writer import DeltaWriter, readable_errors, sorted_by_day
from olist_assets.engine.upkeep import maintain
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import TableMissing
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.engine.test_schema_change import DAILY, SMALL, days
from olist_assets_tests.engine.writing import FIELDS, io_manager, orders, span
from olist_assets_tests.rows import frame

pytestmark = pytest.mark.spark


def test_a_daily_tables_rows_are_one_partition_sorted_by_day_and_key_and_others_stay_as_they_are(spark):
    rows = orders(spark, ("b", "2018-01-02"), ("z", "2018-01-01"), ("a", "2018-01-02")).repartition(3)
    ordered = sorted_by_day(rows, SILVER_ORDERS, ())
    assert ordered.rdd.getNumPartitions() == 1
    assert [row.order_id for row in ordered.collect()] == ["z", "a", "b"]
    assert sorted_by_day(rows, replace(SILVER_ORDERS, day=None), ()) is rows


def test_deletion_vectors_are_off_so_that_deltalake_reads_the_table(spark, manager, warehouse):
    manager.store(frame(spark, SMALL, {"a": "x", "b": 1}), SMALL, None, FIELDS)
    assert warehouse.open(SMALL.name).metadata().configuration["delta.enableDeletionVectors"] == "false"


def test_a_full_disk_and_a_refused_null_are_errors_of_one_line_and_any_other_stays_as_it_is():
    def raised(text: str) -> Exception:
        with pytest.raises(Exception) as caught, readable_errors(SMALL):  # noqa: PT011
            raise PySparkException(text)
        return caught.value

    full = raised("Job aborted.\nCaused by: java.io.IOException: No space left on device\n\tat java.base/...")
    assert type(full) is OlistError
    assert str(full) == "No space left on device: gold_small is unchanged. Make room and run again."
    null = raised("[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: a.\n\tat org.apache")
    assert isinstance(null, ContractViolation)
    assert str(null) == "gold_small.a is required and a row has none. Nothing was written."
    assert type(raised("something else")) is PySparkException


def test_a_killed_change_leaves_a_table_that_the_next_run_makes(spark, warehouse, monkeypatch):
    allowing = io_manager(warehouse, allow_change=True)
    allowing.store(frame(spark, SMALL, {"a": "x", "b": 1}), SMALL, None, FIELDS)
    changed = replace(SMALL, columns=(SMALL.columns[0],))
    create = DeltaWriter._create

    def create_and_die(writer):
        create(writer)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DeltaWriter, "_create", create_and_die)
        with pytest.raises(KeyboardInterrupt):
            allowing.store(frame(spark, changed, {"a": "y"}), changed, None, FIELDS)
    with pytest.raises(TableMissing):
        warehouse.open("gold_small")
    allowing.store(frame(spark, changed, {"a": "y"}), changed, None, FIELDS)
    assert warehouse.open("gold_small").to_pyarrow_table().to_pylist() == [{"a": "y"}]


def test_a_breaking_change_of_a_daily_table_keeps_its_clustering(spark, warehouse):
    manager, changed = io_manager(warehouse, allow_change=True), replace(DAILY, columns=DAILY.columns[1:], key=("day",))
    rows = frame(spark, DAILY, {"a": "x", "day": date(2018, 1, 1)})
    manager.store(rows, DAILY, days(1, 2), FIELDS)
    manager.store(rows.drop("a"), changed, days(1, 2), FIELDS)
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{warehouse.path('gold_small')}`").first()
    assert detail.clusteringColumns == ["day"]


def test_files_contain_few_days_so_that_a_rerun_rewrites_few_rows(spark, manager, warehouse, monkeypatch):
    monkeypatch.setattr(write_plan, "ROWS_PER_FILE", 10)
    rows = orders(spark, *((f"{day}/{at}", f"2018-01-{day:02}") for day in range(1, 11) for at in range(5)))
    manager.store(rows, SILVER_ORDERS, span("2018-01-01", "2018-01-10"), FIELDS)
    before = set(warehouse.open(SILVER_ORDERS.name).file_uris())
    assert len(before) == 5
    manager.store(orders(spark, ("new", "2018-01-04")), SILVER_ORDERS, span("2018-01-04"), FIELDS)
    kept = before & set(warehouse.open(SILVER_ORDERS.name).file_uris())
    assert len(kept) == 4


def test_many_rows_are_one_partition_for_each_range_of_days(spark):
    rows = orders(spark, *((str(day), f"2018-01-{day:02}") for day in range(31, 0, -1)))
    ranges = (date(2018, 1, 1), date(2018, 1, 11), date(2018, 1, 21))
    found = sorted_by_day(rows, SILVER_ORDERS, ranges).rdd.glom().collect()
    assert [[row.order_date.day for row in part] for part in found] == [
        list(range(1, 11)), list(range(11, 21)), list(range(21, 32)),
    ]  # fmt: skip


def test_upkeep_clusters_the_daily_tables_on_request(spark, warehouse):
    manager = io_manager(warehouse)
    manager.store(orders(spark, ("a", "2018-01-01")), SILVER_ORDERS, span("2018-01-01"), FIELDS)
    path = warehouse.path(SILVER_ORDERS.name)
    spark.sql(f"ALTER TABLE {spark_path(path)} CLUSTER BY NONE")
    maintain(warehouse, manager.engine, lambda *_: None, names=[SILVER_ORDERS.name], cluster=True)
    assert spark.sql(f"DESCRIBE DETAIL {spark_path(path)}").first().clusteringColumns == ["order_date"]
