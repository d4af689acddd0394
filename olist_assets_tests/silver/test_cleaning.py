"""The rules by which bronze rows are accepted, typed or rejected."""

import json

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver import silver_order_items, silver_order_payments, silver_order_reviews, silver_orders
from olist_assets.silver.cleaning import accepted, rejected
from olist_assets.silver.silver_rejects import silver_rejects
from olist_assets_tests.rows import VALID_TEXT, frame, only

RULES = {
    "orders": silver_orders.RULES,
    "order_items": silver_order_items.RULES,
    "order_payments": silver_order_payments.RULES,
    "order_reviews": silver_order_reviews.RULES,
}


@pytest.mark.parametrize(
    ("subject", "column"), [(subject, column) for subject, rules in RULES.items() for column in rules.required]
)
def test_a_missing_required_value_is_a_reject(spark, subject, column):
    bronze = frame(spark, BRONZE[subject], {column: None})
    row = only(rejected(bronze, RULES[subject]))
    assert (row.table, row.reason, row.column, row.value) == (f"bronze_{subject}", "missing_required", column, None)
    assert accepted(bronze, RULES[subject]).isEmpty()


@pytest.mark.parametrize(
    ("subject", "column"), [(subject, column) for subject, rules in RULES.items() for column in rules.types]
)
def test_a_value_that_does_not_cast_is_a_reject_with_the_value(spark, subject, column):
    bronze = frame(spark, BRONZE[subject], {column: "soon"})
    row = only(rejected(bronze, RULES[subject]))
    assert (row.reason, row.column, row.value) == ("bad_cast", column, "soon")
    assert json.loads(row.record)[column] == "soon"
    assert accepted(bronze, RULES[subject]).isEmpty()


@pytest.mark.parametrize(
    ("subject", "column", "text"),
    [
        ("orders", "order_purchase_timestamp", "10:00:00"),  # a cast would read a time of today
        ("orders", "order_purchase_timestamp", "2018"),  # a cast would read January 1st
        ("orders", "order_purchase_timestamp", "2018-02-30 10:00:00"),
        ("order_items", "price", "10.005"),  # a cast would round it
        ("order_items", "price", "123456789.00"),
        ("order_items", "order_item_id", "1.5"),
        ("order_payments", "payment_value", "1e999"),
        ("order_reviews", "review_score", "99999999999"),
    ],
)
def test_text_that_a_cast_would_change_is_a_reject(spark, subject, column, text):
    bronze = frame(spark, BRONZE[subject], {column: text})
    row = only(rejected(bronze, RULES[subject]))
    assert (row.reason, row.column, row.value) == ("bad_cast", column, text)


@pytest.mark.engines
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\t"])
@pytest.mark.parametrize(("subject", "column"), [("orders", "order_purchase_timestamp"), ("order_items", "price")])
def test_a_line_break_after_a_value_is_a_reject(spark, subject, column, end):
    text = VALID_TEXT[column] + end
    row = only(rejected(frame(spark, BRONZE[subject], {column: text}), RULES[subject]))
    assert (row.reason, row.column, row.value) == ("bad_cast", column, text)


@pytest.mark.engines
def test_the_record_of_a_reject_is_the_same_text_on_both_engines(spark):
    text = '\x1f\x0b\x0b\\u001f\\\x1a\n"é'
    row = only(rejected(frame(spark, BRONZE["order_items"], {"order_id": text, "price": "free"}), RULES["order_items"]))
    assert row.record.startswith(r'{"order_id":"\u001F\u000B\u000B\\u001f\\\u001A\n\"é",')
    assert json.loads(row.record)["order_id"] == text


def test_a_corrupt_record_is_a_reject_whatever_its_columns_contain(spark):
    bronze = frame(spark, BRONZE["orders"], {"order_status": "canceled", "_corrupt_record": "a,b,c"})
    row = only(rejected(bronze, RULES["orders"]))
    assert (row.reason, row.column, row.value) == ("corrupt_record", "_corrupt_record", "a,b,c")


def test_of_rows_with_the_same_key_the_smallest_is_accepted_and_the_others_are_rejects(spark):
    first = {"order_id": "a", "order_item_id": "1", "price": "10.00"}
    bronze = frame(spark, BRONZE["order_items"], first, first | {"price": "20.00"}, first | {"price": "15.00"}, first)
    for rows in (bronze, bronze.orderBy("price"), bronze.orderBy("price", ascending=False).repartition(3)):
        assert str(only(accepted(rows, RULES["order_items"])).price) == "10.00"
        rejects = rejected(rows, RULES["order_items"]).collect()
        assert [row.reason for row in rejects] == ["duplicate_key"] * 3
        assert sorted(json.loads(row.record)["price"] for row in rejects) == ["10.00", "15.00", "20.00"]


def test_keys_that_differ_only_in_how_a_number_is_written_are_equal(spark):
    first = {"order_id": "a", "order_item_id": "1"}
    bronze = frame(spark, BRONZE["order_items"], first, first | {"order_item_id": "01"})
    assert accepted(bronze, RULES["order_items"]).count() == 1
    assert only(rejected(bronze, RULES["order_items"])).reason == "duplicate_key"


def test_a_row_with_a_missing_value_does_not_replace_a_valid_row_with_the_same_key(spark):
    bronze = frame(
        spark, BRONZE["orders"], {"order_id": "a", "customer_id": None}, {"order_id": "a", "customer_id": "c"}
    )
    assert only(accepted(bronze, RULES["orders"])).customer_id == "c"
    assert only(rejected(bronze, RULES["orders"])).reason == "missing_required"


def test_rejects_come_from_all_four_tables(spark):
    broken = [
        frame(spark, BRONZE["orders"], {"customer_id": None}),
        frame(spark, BRONZE["order_items"], {"price": "free"}),
        frame(spark, BRONZE["order_payments"], {"payment_type": None}),
        frame(spark, BRONZE["order_reviews"], {"review_score": "five"}),
    ]
    rows = silver_rejects(*broken).collect()
    assert {(row.table, row.column) for row in rows} == {
        ("bronze_orders", "customer_id"),
        ("bronze_order_items", "price"),
        ("bronze_order_payments", "payment_type"),
        ("bronze_order_reviews", "review_score"),
    }
