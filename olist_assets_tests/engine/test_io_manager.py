"""Write and read: one commit, one window, the contract or nothing."""

import json
import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

import dagster as dg
import pytest
from deltalake import DeltaTable

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.engine import write_plan as writes
from olist_assets.contracts.table import Column, Table
from olist_assets.errors import OlistError
from olist_assets.gold.gold_daily_metrics import GOLD_DAILY_METRICS
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.engine.io_manager import ContractViolation, DeltaIOManager, conformed
from olist_assets.lakehouse.locks import table_lock
from olist_assets.partitions import daily_orders
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.spark.session import Spark
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets.engine.write_plan import Span
from olist_assets_tests.rows import frame


@pytest.fixture
def manager(spark):
    del spark  # the manager's resource finds it running
    return DeltaIOManager(spark=Spark(), schema_policy=SchemaPolicy())


def materialize(manager, table, rows, days=None):
    """Write rows as an asset of the table would, for one day or a span of days."""
    partitions = daily_orders if table.cluster_by else None

    @dg.asset(key=table.name, partitions_def=partitions, backfill_policy=dg.BackfillPolicy.single_run())
    def made() -> object:
        return rows

    first, last = (days.split("..") * 2)[:2] if days else ("", "")
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last} if days else {}
    return dg.materialize([made], resources={"io_manager": manager}, tags=tags)


def read(manager, table, day=None):
    """Read a table as a downstream asset would."""
    seen = []

    @dg.asset(
        partitions_def=daily_orders if day else None,
        ins={"upstream": dg.AssetIn(key=table.name)},
        io_manager_key="none",
    )
    def reader(upstream) -> None:
        seen.extend(upstream.collect())

    source = dg.AssetSpec(table.name, partitions_def=daily_orders if table.cluster_by else None).with_io_manager_key(
        "io_manager"
    )
    dg.materialize(
        [reader, source],
        resources={"io_manager": manager, "none": dg.mem_io_manager},
        partition_key=day,
        selection=[reader],
    )
    return seen


def order(spark, *ids_and_days):
    rows = [
        {"order_id": id_, "order_date": date.fromisoformat(day), "order_purchase_timestamp": datetime(2018, 1, 1)}
        for id_, day in ids_and_days
    ]
    return frame(spark, SILVER_ORDERS, *rows)


def stored(settings):
    table = lakehouse.open_table(settings, SILVER_ORDERS.name)
    rows = table.to_pyarrow_table().to_pylist()
    return {(row["order_id"], row["order_date"].isoformat()) for row in rows}


def test_a_table_is_stored_as_its_contract_says(spark, manager, settings):
    materialize(manager, SILVER_ORDERS, order(spark, ("a", "2018-01-01")), "2018-01-01")
    fields = {f.name: f for f in lakehouse.open_table(settings, SILVER_ORDERS.name).schema().fields}
    assert list(fields) == list(SILVER_ORDERS.column_names)
    for column in SILVER_ORDERS.columns:
        assert fields[column.name].nullable == column.nullable
        assert fields[column.name].metadata["comment"] == column.description
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{lakehouse.table_path(settings, SILVER_ORDERS.name)}`").first()
    assert detail.clusteringColumns == ["order_date"]


def test_a_day_written_again_replaces_that_day_and_no_other(spark, manager, settings):
    materialize(
        manager,
        SILVER_ORDERS,
        order(spark, ("a", "2018-01-01"), ("b", "2018-01-02"), ("c", "2018-01-03")),
        "2018-01-01..2018-01-03",
    )
    materialize(manager, SILVER_ORDERS, order(spark, ("x", "2018-01-02"), ("y", "2018-01-02")), "2018-01-02")
    assert stored(settings) == {
        ("a", "2018-01-01"),
        ("x", "2018-01-02"),
        ("y", "2018-01-02"),
        ("c", "2018-01-03"),
    }


def test_rows_outside_the_window_are_not_written(spark, manager, settings):
    rows = order(spark, ("early", "2017-12-31"), ("a", "2018-01-01"), ("late", "2018-01-02"))
    for _ in range(2):  # the first write creates the table, the second replaces
        materialize(manager, SILVER_ORDERS, rows, "2018-01-01")
        assert stored(settings) == {("a", "2018-01-01")}


def test_a_day_without_rows_becomes_empty(spark, manager, settings):
    materialize(
        manager, SILVER_ORDERS, order(spark, ("a", "2018-01-01"), ("b", "2018-01-02")), "2018-01-01..2018-01-02"
    )
    materialize(manager, SILVER_ORDERS, order(spark), "2018-01-01")
    assert stored(settings) == {("b", "2018-01-02")}


def test_each_day_of_a_range_knows_its_own_rows(spark, manager, settings):
    rows = order(spark, ("a", "2018-01-01"), ("b", "2018-01-03"), ("c", "2018-01-03"))
    result = materialize(manager, SILVER_ORDERS, rows, "2018-01-01..2018-01-03")
    counts = {
        made.partition: made.metadata["dagster/partition_row_count"].value
        for made in result.asset_materializations_for_node(SILVER_ORDERS.name)
    }
    assert counts == {"2018-01-01": 1, "2018-01-02": 0, "2018-01-03": 2}


def test_an_unpartitioned_table_is_replaced_whole_in_one_commit(spark, manager, settings):
    for names in (("a", "b"), ("c",)):
        materialize(
            manager, GOLD_SEGMENT_PROFILES, frame(spark, GOLD_SEGMENT_PROFILES, *({"segment": n} for n in names))
        )
    table = lakehouse.open_table(settings, GOLD_SEGMENT_PROFILES.name)
    assert [row["segment"] for row in table.to_pyarrow_table().to_pylist()] == ["c"]
    assert table.version() == 2  # created, written, written


def test_the_commit_says_which_run_wrote_which_partitions(spark, manager, settings):
    result = materialize(manager, SILVER_ORDERS, order(spark, ("a", "2018-01-01")), "2018-01-01..2018-01-05")
    commit = lakehouse.open_table(settings, SILVER_ORDERS.name).history(1)[0]
    said = json.loads(commit["userMetadata"])
    assert (said["run_id"], said["partitions"]) == (result.run_id, "2018-01-01..2018-01-05")


def test_a_downstream_day_reads_only_its_window(spark, manager, settings):
    materialize(
        manager, SILVER_ORDERS, order(spark, ("a", "2018-01-01"), ("b", "2018-01-02")), "2018-01-01..2018-01-02"
    )
    assert [row.order_id for row in read(manager, SILVER_ORDERS, "2018-01-02")] == ["b"]
    assert len(read(manager, SILVER_ORDERS)) == 2


def test_a_table_that_was_never_made_is_named_with_the_command_that_makes_it(manager, settings):
    with pytest.raises(lakehouse.TableMissing, match="olist materialize --select silver_orders"):
        read(manager, SILVER_ORDERS)


def test_a_null_in_a_required_column_stops_the_write_and_leaves_the_last_version(spark, manager, settings):
    materialize(manager, SILVER_ORDERS, order(spark, ("a", "2018-01-01")), "2018-01-01")
    with pytest.raises(ContractViolation, match=r"silver_orders\.order_id is required"):
        materialize(manager, SILVER_ORDERS, order(spark, (None, "2018-01-01")), "2018-01-01")
    assert stored(settings) == {("a", "2018-01-01")}


def test_a_first_write_that_fails_leaves_no_table_and_the_next_one_makes_it(spark, manager, settings):
    with pytest.raises(ContractViolation, match=r"silver_orders\.order_id is required"):
        materialize(manager, SILVER_ORDERS, order(spark, (None, "2018-01-01")), "2018-01-01")
    with pytest.raises(lakehouse.TableMissing):
        lakehouse.open_table(settings, SILVER_ORDERS.name)
    materialize(manager, SILVER_ORDERS, order(spark, ("a", "2018-01-01")), "2018-01-01")
    assert stored(settings) == {("a", "2018-01-01")}


SMALL = Table(name="gold_small", grain="g", key=("a",), columns=(Column("a", "string", "A."), Column("b", "int", "B.")))


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ("a string", ["missing b int"]),
        ("a string, b int, c int", ["unexpected c"]),
        ("a string, b bigint", ["b is bigint, not int"]),
        ("b string", ["missing a string", "b is string, not int"]),
    ],
)
def test_a_frame_that_differs_from_its_contract_is_refused_with_every_difference(spark, columns, named):
    with pytest.raises(ContractViolation) as caught:
        conformed(spark.createDataFrame([], columns), SMALL)
    assert all(difference in str(caught.value) for difference in named)
    assert "Nothing was written" in str(caught.value)


def test_columns_are_put_into_the_contracts_order(spark):
    assert conformed(spark.createDataFrame([], "b int, a string"), SMALL).columns == ["a", "b"]


HOLD = """
import sys, time
from pathlib import Path
from olist_assets.lakehouse.locks import table_lock
with table_lock(Path(sys.argv[1]), 5, "a test"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_told_who_holds_the_table_and_a_dead_one_holds_nothing(tmp_path):
    table = tmp_path / "silver" / "silver_orders"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(table)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        told = f"silver_orders is being written by process {holder.pid}"
        with pytest.raises(OlistError, match=told), table_lock(table, 0.2, "another"):
            pass
        holder.kill()
    with table_lock(table, 5, "another"):
        assert str(os.getpid()) in (table.parent / ".silver_orders.holder").read_text()


def test_writes_are_sorted_by_the_clustering_column_so_that_days_can_be_skipped(spark, manager, settings):
    rows = order(spark, *((str(at), f"2018-01-{31 - at:02}") for at in range(31)))
    materialize(manager, SILVER_ORDERS, rows.repartition(4), "2018-01-01..2018-01-31")
    days = (
        DeltaTable(lakehouse.table_path(settings, SILVER_ORDERS.name))
        .to_pyarrow_dataset()
        .to_table()["order_date"]
        .to_pylist()
    )
    assert days == sorted(days)


@pytest.mark.parametrize("rows_per_file", [writes.ROWS_PER_FILE, 1], ids=["one file", "many files"])
def test_an_order_whose_day_moved_stands_on_its_new_day_only_and_dagster_is_told_of_both(
    spark, manager, settings, monkeypatch, rows_per_file
):
    monkeypatch.setattr(writes, "ROWS_PER_FILE", rows_per_file)
    first = order(spark, ("stays", "2018-01-01"), ("moves", "2018-01-01"), ("late", "2018-01-05"))
    materialize(manager, SILVER_ORDERS, first, "2018-01-01..2018-01-05")
    result = materialize(manager, SILVER_ORDERS, order(spark, ("moves", "2018-01-03")), "2018-01-03")
    assert stored(settings) == {("stays", "2018-01-01"), ("moves", "2018-01-03"), ("late", "2018-01-05")}
    told = {
        made.partition: made.metadata["dagster/partition_row_count"].value
        for made in result.asset_materializations_for_node(SILVER_ORDERS.name)
    }
    assert told == {"2018-01-01": 1, "2018-01-03": 1}
    # Created, written, moved: one commit.
    assert lakehouse.open_table(settings, SILVER_ORDERS.name).version() == 2


TRAILING = GOLD_DAILY_METRICS.trailing or pytest.fail("the table has trailing figures")


def daily(spark, *days_and_orders):
    rows = [
        {"order_date": date.fromisoformat(day), "orders_count": orders, "revenue": Decimal(orders * 10)}
        for day, orders in days_and_orders
    ]
    return frame(spark, GOLD_DAILY_METRICS, *rows).drop(*TRAILING.columns)


def averages(settings):
    table = lakehouse.open_table(settings, GOLD_DAILY_METRICS.name).to_pyarrow_table()
    return {str(row["order_date"]): row["orders_7d_avg"] for row in table.to_pylist()}


def test_days_that_look_back_at_a_rerun_day_are_refreshed_with_it_and_others_are_not(spark, manager, settings):
    far = "2019-03-01"  # 424 days after the first: beyond any look-back
    assert (date.fromisoformat(far) - date(2018, 1, 1)).days > TRAILING.days
    write = partial(manager.store, contract=GOLD_DAILY_METRICS, said={"run_id": "r"})
    first = daily(spark, ("2018-01-01", 7), ("2018-01-02", 7), ("2018-01-05", 7), (far, 7))
    write(first, span=Span("order_date", date(2018, 1, 1), date(2019, 4, 1)))
    assert averages(settings) == {"2018-01-01": 1.0, "2018-01-02": 2.0, "2018-01-05": 3.0, far: 1.0}
    span = Span("order_date", date(2018, 1, 1), date(2018, 1, 2))
    _, refreshed = write(daily(spark, ("2018-01-01", 14)), span=span)
    assert averages(settings) == {"2018-01-01": 2.0, "2018-01-02": 3.0, "2018-01-05": 4.0, far: 1.0}
    assert refreshed == (date(2018, 1, 2), date(2018, 1, 5))


def test_a_day_made_out_of_order_gets_and_gives_trailing_figures(spark, manager, settings):
    days = (("2018-01-03", 7), ("2018-01-01", 7), ("2018-01-02", 14))
    for day, orders in days:
        start = date.fromisoformat(day)
        span = Span("order_date", start, start + timedelta(1))
        manager.store(daily(spark, (day, orders)), GOLD_DAILY_METRICS, span, {"run_id": "r"})
    assert averages(settings) == {"2018-01-01": 1.0, "2018-01-02": 3.0, "2018-01-03": 4.0}


def test_files_hold_few_days_so_that_a_rerun_rewrites_few_rows(spark, manager, settings, monkeypatch):
    monkeypatch.setattr(writes, "ROWS_PER_FILE", 10)
    rows = order(spark, *((f"{day}/{at}", f"2018-01-{day:02}") for day in range(1, 11) for at in range(5)))
    materialize(manager, SILVER_ORDERS, rows, "2018-01-01..2018-01-10")
    before = set(lakehouse.open_table(settings, SILVER_ORDERS.name).file_uris())
    assert len(before) == 5
    materialize(manager, SILVER_ORDERS, order(spark, ("new", "2018-01-04")), "2018-01-04")
    kept = before & set(lakehouse.open_table(settings, SILVER_ORDERS.name).file_uris())
    assert len(kept) == 4
