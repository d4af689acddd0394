"""A person is erased from rows in bad order, from old versions and from other copies; everything else stays."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from deltalake import write_deltalake

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.governance import audit_log
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.statistics import data_files, statistics
from olist_assets.operations.forget import forget
from olist_assets.operations.platform import Platform
from olist_assets.source.files import source_folder
from olist_assets_tests.copies import copy_of
from olist_assets_tests.rows import arrow_rows

SECRET = "a secret of some length for tests"
COMMENT, CITY = "This comment is not in the dataset", "a city of nobody else"
OTHER, OTHER_ORDER, OTHER_REVIEW = "f5f5" * 8, "0606" * 8, "1717" * 8
TOTALS = "SELECT sum(monetary_value), sum(frequency), count(*) FROM gold_customer_metrics"
FOUND_BY = (
    "SELECT customer_unique_id, customer_id, order_id, review_id FROM bronze_customers JOIN bronze_orders USING "
    "(customer_id) JOIN bronze_order_reviews USING (order_id) JOIN silver_orders USING (order_id) "
    "WHERE review_comment_message IS NOT NULL ORDER BY 1 LIMIT 1"
)


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished tables, whose source is in a folder that has to be gathered in the cache."""
    settings = copy_of(finished, tmp_path, with_source=True, mask_salt=SECRET, cache=tmp_path / "cache")
    inner = settings.data / "part"
    inner.mkdir()
    for file in settings.data.glob("*.csv"):
        file.rename(inner / file.name)
    return Platform(settings)


def rows(warehouse, query, *names):
    with warehouse.sql({name: warehouse.open(name) for name in names}) as con:
        return con.execute(query).fetchall()


def person_in(warehouse):
    names = ("bronze_customers", "bronze_orders", "bronze_order_reviews", "silver_orders")
    (found,) = rows(warehouse, FOUND_BY, *names)
    return found


def append(warehouse, subject, *found):
    """Rows appended to a stored snapshot, as a broken source would have brought them."""
    table = BRONZE[subject]
    stored = warehouse.open(table.name)
    rows = arrow_rows(table, *found).cast(arrow_schema(table))
    write_deltalake(stored, rows, mode="append")


def break_rows(warehouse, unique, customer, order, review):
    """Rows about the person that no single column finds, in all kinds of files."""
    place = {"customer_zip_code_prefix": "13056", "customer_city": CITY, "customer_state": "SP"}
    append(
        warehouse, "customers",
        {"customer_id": OTHER, "customer_unique_id": unique.upper(), **place},
        {"customer_id": None, "customer_unique_id": None, "_corrupt_record": f'"{customer}","{CITY}'},
        {"customer_unique_id": customer, "customer_zip_code_prefix": unique, "customer_state": CITY},
    )  # fmt: skip
    append(
        warehouse, "orders",
        {"order_id": order, "customer_id": None, "order_status": CITY},
        {"order_id": None, "customer_id": OTHER_ORDER, "order_status": OTHER, "order_approved_at": CITY},
    )  # fmt: skip
    append(
        warehouse, "order_reviews",
        {"review_id": review, "order_id": OTHER_ORDER, "review_comment_message": COMMENT},
        {"review_id": OTHER_REVIEW, "order_id": f" {order.upper()} ", "review_comment_title": COMMENT},
        {"review_id": review, "order_id": None, "review_score": order, "review_creation_date": COMMENT},
        {"review_id": None, "order_id": None, "_corrupt_record": f'{review},{order},5,"{COMMENT}'},
        {"review_id": "2828" * 8, "order_id": "3939" * 8, "review_comment_message": f"{COMMENT}, see {OTHER_ORDER}"},
    )  # fmt: skip
    append(warehouse, "order_payments", {"order_id": None, "_corrupt_record": f"{order},1,{COMMENT}"})
    append(warehouse, "order_items", {"order_id": order, "order_item_id": "99", "price": CITY})
    append(warehouse, "geolocation", {"geolocation_city": CITY, "_corrupt_record": f"13056,{CITY},{customer}"})


def leave_files(warehouse, unique):
    """Files about the person that no version of a table has."""
    table, home = warehouse.path("silver_customers"), warehouse.root / "dagster" / "events"
    (source,) = data_files(warehouse.open("bronze_customers"))[:1]
    for name in ("_change_data/part.parquet", ".part.parquet.tmp", "_delta_log/_sidecars/part.parquet"):
        (table / name).parent.mkdir(parents=True, exist_ok=True)
        (table / name).write_bytes(Path(source).read_bytes())
    for name in ("_delta_log/_staged_commits/1.json", "_delta_log/.00000000000000000009.json.0f.tmp"):
        (table / name).parent.mkdir(parents=True, exist_ok=True)
        (table / name).write_text(json.dumps({"add": {"stats": {"maxValues": unique}}}))
    home.mkdir(parents=True)
    with closing(sqlite3.connect(home / "index.db")) as con:
        con.executescript("CREATE TABLE event_logs (event)")
        con.execute("INSERT INTO event_logs VALUES (?)", (json.dumps({"error": f"cannot cast {unique} {COMMENT}"}),))
        con.commit()


def test_nothing_of_a_person_stays_whatever_the_rows_look_like(copied):
    warehouse = copied.warehouse
    unique, customer, order, review = person_in(warehouse)
    # A layer that is on another disk.
    (warehouse.root / "bronze").rename(warehouse.root.parent / "other disk")
    (warehouse.root / "bronze").symlink_to(warehouse.root.parent / "other disk")
    totals = rows(warehouse, TOTALS, "gold_customer_metrics")
    break_rows(warehouse, unique, customer, order, review)
    counts = {name: statistics(warehouse.open(name)).rows for name in (table.name for table in BRONZE.values())}
    leave_files(warehouse, unique)
    audit_log.record(warehouse, "query", [], statement=f"SELECT '{COMMENT}'")
    unpacked = source_folder(copied.settings)
    proof = forget(copied, customer, lambda *_: None)
    assert proof.hits == []
    assert {name: statistics(warehouse.open(name)).rows for name in counts} == counts
    assert rows(warehouse, TOTALS, "gold_customer_metrics") == totals
    # The test's own search, of the rows as one text.
    for name in warehouse.existing_tables():
        text = str(rows(warehouse, f"FROM {name}", name)).lower()
        assert not [known for known in (unique, customer, COMMENT.lower(), CITY) if known in text], name
    kept = rows(warehouse, f"SELECT count(*) FROM bronze_orders WHERE order_id = '{order}'", "bronze_orders")
    assert kept == [(2,)]
    reasons = "SELECT DISTINCT \"table\", reason FROM silver_rejects WHERE record LIKE '%erased%' OR key LIKE $$%d2%$$"
    assert ("bronze_customers", "corrupt_record") in rows(warehouse, reasons, "silver_rejects")
    assert not unpacked.exists()
    assert len(delta_log.commits(warehouse.path("silver_orders"))) == 1
    (entry,) = audit_log.latest(warehouse, 1, {"action": "forget"})
    assert "0 hits" in entry["statement"]
    assert audit_log.verify(warehouse).problems == ()
