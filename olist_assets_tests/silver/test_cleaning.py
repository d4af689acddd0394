"""The rules by which bronze rows are accepted, typed or rejected."""

import json
from datetime import timedelta

import pytest
from pyspark.sql import functions as F

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.source_files import SOURCES
from olist_assets.contracts.source_values import ERASED
from olist_assets.silver.cleaning import accepted, rejected
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_rejects import silver_rejects
from olist_assets.streaming.bronze_order_events import BRONZE_ORDER_EVENTS
from olist_assets_tests.rows import INGESTED, VALID_TEXT, frame, only
from olist_assets_tests.silver.rules import RULES


@pytest.mark.parametrize(
    ("subject", "column"), [(subject, column) for subject, rules in RULES.items() for column in rules.required]
)
def test_a_missing_required_value_is_a_reject(spark, subject, column):
    bronze = frame(spark, BRONZE[subject], {column: None})
    row = only(rejected(bronze, RULES[subject]))
    assert (row.table, row.reason, row.column, row.value) == (f"bronze_{subject}", "missing_required", column, None)
    assert accepted(bronze, RULES[subject]).isEmpty()


@pytest.mark.parametrize(
    ("subject", "column"), [(subject, column) for subject, rules in RULES.items() for column in rules.file.types]
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


@pytest.mark.parametrize("subject", RULES)
def test_a_row_that_repeats_the_header_is_a_reject(spark, subject):
    header = {name: name for name in SOURCES[subject].columns}
    spelt_otherwise = {name: f" {name.upper()}" for name in header}
    rejects = rejected(frame(spark, BRONZE[subject], header, spelt_otherwise), RULES[subject]).collect()
    assert [(row.reason, row.column, row.value) for row in rejects] == [("repeated_header", None, None)] * 2
    assert accepted(frame(spark, BRONZE[subject], header), RULES[subject]).isEmpty()


@pytest.mark.parametrize("word", ["NULL", "NaN", "NaT", "None", "\\N", "nan", " null "])
@pytest.mark.parametrize(
    ("subject", "column"),
    [("orders", "order_delivered_customer_date"), ("orders", "order_status"), ("products", "product_category_name")],
)
def test_a_null_word_is_a_reject(spark, subject, column, word):
    row = only(rejected(frame(spark, BRONZE[subject], {column: word}), RULES[subject]))
    assert (row.reason, row.column, row.value) == ("null_word", column, word)


def test_every_column_but_free_text_is_judged_for_null_words(spark):
    for subject, rules in RULES.items():
        columns = SOURCES[subject].columns
        bronze = frame(spark, BRONZE[subject], *({name: "NaN"} for name in columns))
        rejects = rejected(bronze, rules).collect()
        assert {row.column for row in rejects if row.reason == "null_word"} == set(SOURCES[subject].coded)


def test_free_text_keeps_a_null_word(spark):
    comment = {"review_comment_title": "None", "review_comment_message": "null"}
    row = only(accepted(frame(spark, BRONZE["order_reviews"], comment), RULES["order_reviews"]))
    assert (row.review_comment_title, row.review_comment_message) == ("None", "null")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("order_purchase_timestamp", "1017-10-02 10:56:33"),
        ("order_purchase_timestamp", "1999-12-31 23:59:59"),
        ("order_purchase_timestamp", "20017-10-02 10:56:33"),
        ("order_purchase_timestamp", "2107-10-02 10:56:33"),
        ("order_approved_at", f"{INGESTED + timedelta(days=1, seconds=1)}"),
        ("order_estimated_delivery_date", f"{INGESTED + timedelta(days=731)}"),
    ],
)
def test_a_time_out_of_range_is_a_reject(spark, column, text):
    row = only(rejected(frame(spark, BRONZE["orders"], {column: text}), RULES["orders"]))
    assert (row.reason, row.column, row.value) == ("out_of_range", column, text)


def test_times_up_to_the_bounds_are_accepted(spark):
    times = {
        "order_purchase_timestamp": "2000-01-01 00:00:00",
        "order_approved_at": str(INGESTED + timedelta(days=1)),
        "order_estimated_delivery_date": str(INGESTED + timedelta(days=730)),
    }
    row = only(accepted(frame(spark, BRONZE["orders"], times), RULES["orders"]))
    assert {name: str(row[name]) for name in times} == times


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("1310", "01310"),
        ("01310", "01310"),
        ("1", "00001"),
        (" 99 ", "00099"),
        ("1310.0", "01310"),
        ("13100.0", "13100"),
    ],
)
def test_lost_zeros_of_a_zip_prefix_are_restored(spark, text, prefix):
    bronze = frame(spark, BRONZE["customers"], {"customer_zip_code_prefix": text})
    assert only(accepted(bronze, RULES["customers"])).customer_zip_code_prefix == prefix


@pytest.mark.parametrize("text", ["123456", "1310-100", "x", "1310.5", "-1"])
def test_any_other_zip_prefix_is_a_reject(spark, text):
    row = only(rejected(frame(spark, BRONZE["customers"], {"customer_zip_code_prefix": text}), RULES["customers"]))
    assert (row.reason, row.column, row.value) == ("bad_cast", "customer_zip_code_prefix", text)


def test_an_erased_customer_is_accepted(spark):
    place = {"customer_zip_code_prefix": ERASED, "customer_city": ERASED}
    row = only(accepted(frame(spark, BRONZE["customers"], place), RULES["customers"]))
    assert (row.customer_zip_code_prefix, row.customer_city) == (ERASED, ERASED)


def test_a_state_is_one_of_the_27(spark):
    bronze = frame(spark, BRONZE["sellers"], {"seller_state": "XX"})
    assert only(rejected(bronze, RULES["sellers"])).reason == "bad_cast"


def test_an_order_of_an_unknown_customer_is_a_reject_and_does_not_replace_one_of_a_known_customer(spark):
    customers = frame(spark, SILVER_CUSTOMERS, {"customer_id": "known"})
    bronze = frame(spark, BRONZE["orders"], {"customer_id": "gone"}, {"customer_id": "known"})
    assert only(accepted(bronze, RULES["orders"], customers)).customer_id == "known"
    row = only(rejected(bronze, RULES["orders"], customers))
    assert (row.reason, row.column, row.value) == ("unknown_customer", "customer_id", "gone")


def test_repeated_points_are_all_accepted(spark):
    bronze = frame(spark, BRONZE["geolocation"], {}, {})
    assert accepted(bronze, RULES["geolocation"]).count() == 2
    assert rejected(bronze, RULES["geolocation"]).isEmpty()


def test_rejects_come_from_all_tables(spark):
    broken = {
        "customers": {"customer_city": None},
        "orders": {"customer_id": "gone"},
        "order_items": {"price": "free"},
        "order_payments": {"payment_type": None},
        "order_reviews": {"review_score": "five"},
        "products": {"product_weight_g": "heavy"},
        "product_category_translation": {"product_category_name_english": "NaN"},
        "sellers": {"seller_state": "XX"},
        "geolocation": {"geolocation_lat": "north"},
    }
    frames = {f"bronze_{subject}": frame(spark, BRONZE[subject], row) for subject, row in broken.items()}
    event = {"topic": "t", "partition": 0, "offset": 7, "value": "{"}
    events = frame(spark, BRONZE_ORDER_EVENTS, event)
    rows = silver_rejects(**frames, bronze_order_events=events).collect()
    expected = {(f"bronze_{s}", *row) for s, row in broken.items()} | {("bronze_order_events", "value")}
    assert {(row.table, row.column) for row in rows} == expected
    (bad,) = (row for row in rows if row.table == "bronze_order_events")
    assert (bad.key, bad.reason, bad.value) == ("t/0/7", "bad_event", "{")
    assert {row.reason for row in rows if row.table == "bronze_orders"} == {"unknown_customer"}


def test_spaces_around_ids_and_names_do_not_count(spark):
    texts = {"order_id": " o ", "customer_id": "c ", "order_status": " delivered  "}
    row = only(accepted(frame(spark, BRONZE["orders"], texts), RULES["orders"]))
    assert (row.order_id, row.customer_id, row.order_status) == ("o", "c", "delivered")


def test_spaces_alone_are_no_value(spark):
    row = only(accepted(frame(spark, BRONZE["products"], {"product_weight_g": "  "}), RULES["products"]))
    assert row.product_weight_g is None
    row = only(rejected(frame(spark, BRONZE["products"], {"product_id": "  "}), RULES["products"]))
    assert (row.reason, row.column) == ("missing_required", "product_id")


@pytest.mark.parametrize(
    ("subject", "column", "text"),
    [("orders", "order_status", "Delivered"), ("products", "product_weight_g", "1.000")],
)
def test_a_status_that_no_order_has_and_a_thousand_with_a_point_are_rejects(spark, subject, column, text):
    row = only(rejected(frame(spark, BRONZE[subject], {column: text}), RULES[subject]))
    assert (row.reason, row.column, row.value) == ("bad_cast", column, text)


@pytest.mark.parametrize("text", ["NA", "n/a", "<NA>", "#N/A", "-"])
def test_other_words_for_a_missing_value_are_rejects(spark, text):
    row = only(rejected(frame(spark, BRONZE["products"], {"product_category_name": text}), RULES["products"]))
    assert (row.reason, row.column) == ("null_word", "product_category_name")


def test_a_header_in_another_spelling_in_the_middle_is_a_reject(spark):
    names = SOURCES["sellers"].columns
    texts = {name: name.replace("_", " ").title() for name in names}
    texts[names[0]] = "\ufeff" + texts[names[0]]
    assert only(rejected(frame(spark, BRONZE["sellers"], texts), RULES["sellers"])).reason == "repeated_header"


def test_columns_beyond_the_contract_stay_in_bronze(spark):
    bronze = frame(spark, BRONZE["order_items"], {}).withColumn("product_category_name", F.lit("x"))
    assert "product_category_name" not in accepted(bronze, RULES["order_items"]).columns
