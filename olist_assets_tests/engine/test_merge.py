"""A merge of changes into a table: what applies, and what stays."""

from dataclasses import replace

import pytest
from pyspark.sql import functions as F

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.source_files import SEQUENCE
from olist_assets.contracts.table import Column
from olist_assets.engine.conformance import ContractViolation
from olist_assets.engine.merge import IS_DELETE, Changed, is_merged, merge_of
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.feeds import fed_batch
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets_tests.rows import frame, store

SELLERS = BRONZE["sellers"]
pytestmark = pytest.mark.engines


@pytest.fixture
def merge(spark, engine, warehouse):
    """Merges changes, given as key, number, city and whether the row is deleted; returns what changed."""

    def merged(*changes, contract=SELLERS, batch=None, **more):
        path = warehouse.path(SELLERS.name)
        if not warehouse.existing_tables([SELLERS.name]):
            engine.create_empty(path, SELLERS)
        rows = [{"seller_id": k, SEQUENCE: n, "seller_city": city, **more} for k, n, city, _ in changes]
        deleted = [key for key, *_, is_delete in changes if is_delete]
        changes_frame = frame(spark, contract, *rows).withColumn(IS_DELETE, F.col("seller_id").isin(deleted))
        change = schema_change(shape(warehouse.open(SELLERS.name)), contract)
        return engine.merge(path, contract, merge_of(contract, changes_frame, batch), change, user_metadata())

    return merged


def stored(warehouse, *more):
    rows = warehouse.rows(warehouse.open(SELLERS.name), "seller_id", SEQUENCE, "seller_city", *more).to_pylist()
    return sorted(tuple(row.values()) for row in rows)


def test_only_what_is_newer_than_the_stored_row_applies(merge, warehouse):
    assert merge(("a", 5, "first", False), ("b", 5, "first", False)) == Changed(inserted=2)
    assert merge(("a", 5, "equal", False), ("b", 4, "older", False)) == Changed()
    assert merge(("a", 6, "newer", False)) == Changed(updated=1)
    assert stored(warehouse) == [("a", 6, "newer"), ("b", 5, "first")]


def test_a_row_without_a_number_is_older_than_any_change(merge, warehouse):
    store(warehouse, SELLERS, *({"seller_id": id_, SEQUENCE: None, "seller_city": "of the file"} for id_ in "abc"))
    assert merge(("a", 0, "changed", False), ("b", 0, None, True)) == Changed(updated=1, deleted=1)
    assert stored(warehouse) == [("a", 0, "changed"), ("c", None, "of the file")]


def test_a_deletion_applies_to_what_is_not_newer_and_inserts_nothing(merge, warehouse):
    merge(("a", 5, "x", False), ("b", 5, "x", False), ("c", 5, "x", False))
    done = merge(("a", 6, None, True), ("b", 5, None, True), ("c", 4, None, True), ("never", 9, None, True))
    assert done == Changed(deleted=2)
    assert stored(warehouse) == [("c", 5, "x")]


def test_a_merge_that_is_repeated_changes_nothing(merge, warehouse):
    changes = [("a", 5, "x", False), ("b", 5, None, True)]
    assert merge(*changes, batch=3) == Changed(inserted=1)
    assert fed_batch(warehouse.open(SELLERS.name)) == 3
    assert is_merged(SELLERS, warehouse.open(SELLERS.name))
    assert merge(*changes) == Changed()
    assert stored(warehouse) == [("a", 5, "x")]


def test_a_new_column_is_null_in_the_rows_that_were_there(merge, warehouse):
    merge(("a", 1, "x", False))
    gift = Column("gift", "string", "Not in the contract.", nullable=True)
    wider = replace(SELLERS, columns=(*SELLERS.columns, gift))
    merge(("b", 2, "y", False), contract=wider, gift="yes")
    assert stored(warehouse, "gift") == [("a", 1, "x", None), ("b", 2, "y", "yes")]
    assert shape(warehouse.open(SELLERS.name))["source_file"] == ("string", False)


def test_a_null_in_a_required_column_is_refused(merge, warehouse):
    merge(("a", 1, "x", False))
    with pytest.raises(ContractViolation, match="source_file"):
        merge(("b", 2, "y", False), source_file=None)
    assert stored(warehouse) == [("a", 1, "x")]


def test_a_table_without_a_file_is_merged_and_a_snapshot_only_after_events(tables):
    assert is_merged(tables.table("bronze_tombstones"), None)
    assert not is_merged(SELLERS, None)
    assert not is_merged(tables.table("silver_orders"), None)
