"""Ways in which something of an erased person could stay in a row; and rows that must not change."""

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.source_files import ADDED_COLUMNS, SOURCES
from olist_assets.contracts.source_values import ERASED
from olist_assets.governance.erasing import Found, erased, to_change
from olist_assets_tests.rows import arrow_rows, frame

CUSTOMER, UNIQUE, ORDER, REVIEW = "c1" * 16, "a4" * 16, "d2" * 16, "e3" * 16
OTHER, OTHER_ORDER, OTHER_REVIEW, PRODUCT = "f5" * 16, "06" * 16, "17" * 16, "28" * 16
SHORT = "77"
TOKENS = {CUSTOMER: f"{ERASED}-c0", UNIQUE: f"{ERASED}-a0", SHORT: f"{ERASED}-70"}
FOUND = Found(TOKENS, frozenset({ORDER, REVIEW}))
PLACE = {"customer_zip_code_prefix": "13056", "customer_city": "campinas", "customer_state": "SP"}
COMMENT = "I live in campinas"
THEIRS = {
    # A row is theirs by any of its columns, however the id is written.
    "upper case": ("customers", {"customer_id": CUSTOMER.upper(), "customer_unique_id": UNIQUE.upper(), **PLACE}),
    "spaces around": ("customers", {"customer_id": f" {CUSTOMER}\t", "customer_unique_id": f"\n{UNIQUE} ", **PLACE}),
    "quotes kept": ("customers", {"customer_id": f"'{CUSTOMER}'", "customer_unique_id": OTHER, **PLACE}),
    "prefix": ("customers", {"customer_id": f"c_{CUSTOMER}", "customer_unique_id": OTHER, **PLACE}),
    "only the order's customer": ("customers", {"customer_id": CUSTOMER, "customer_unique_id": None, **PLACE}),
    "another person's id beside theirs": ("customers", {"customer_id": CUSTOMER, "customer_unique_id": OTHER, **PLACE}),
    "shifted left": (
        "customers", {"customer_id": UNIQUE, "customer_unique_id": "13056", "customer_zip_code_prefix": "campinas",
                      "customer_city": "SP", "customer_state": None},
    ),
    "shifted right": (
        "customers", {"customer_id": None, "customer_unique_id": CUSTOMER, "customer_zip_code_prefix": UNIQUE,
                      "customer_city": "13056", "customer_state": "campinas"},
    ),
    "id in the city": (
        "customers", {"customer_id": OTHER, "customer_unique_id": OTHER, **PLACE, "customer_city": UNIQUE},
    ),
    "record that did not parse": (
        "customers", {"customer_id": None, "customer_unique_id": None, **dict.fromkeys(PLACE),
                      "_corrupt_record": f"x,{CUSTOMER},{UNIQUE},13056,campinas,SP"},
    ),
    "short id": ("customers", {"customer_id": SHORT, "customer_unique_id": OTHER, **PLACE}),
    "city as a status": ("orders", {"order_id": ORDER, "customer_id": CUSTOMER, "order_status": "campinas"}),
    "order found by its id only": (
        "orders", {"order_id": ORDER, "customer_id": None, "order_status": "shipped", "order_approved_at": "campinas"},
    ),
    "customer in another column": (
        "orders", {"order_id": OTHER_ORDER, "customer_id": "campinas", "order_status": CUSTOMER},
    ),
    "review found by its order": ("order_reviews", {"review_id": OTHER_REVIEW, "order_id": ORDER}),
    "review found by its id": ("order_reviews", {"review_id": REVIEW, "order_id": OTHER_ORDER}),
    "review of an order in upper case": ("order_reviews", {"review_id": OTHER_REVIEW, "order_id": ORDER.upper()}),
    "shifted review": (
        "order_reviews", {"review_id": REVIEW, "order_id": None, "review_score": ORDER, "review_comment_title": "5",
                          "review_creation_date": COMMENT},
    ),
    "order swapped with review": (
        "order_reviews", {"review_id": ORDER, "order_id": REVIEW, "review_score": "campinas"},
    ),
    "id in another's comment": (
        "order_reviews", {"review_id": OTHER_REVIEW, "order_id": OTHER_ORDER,
                          "review_comment_message": f"campinas, order {ORDER.upper()}!"},
    ),
    "review that did not parse": (
        "order_reviews", {"review_id": REVIEW, "order_id": "campinas", "_corrupt_record": f"{REVIEW},campinas"},
    ),
    "item that did not parse": (
        "order_items", {"order_id": ORDER, "seller_id": "campinas", "_corrupt_record": f"{ORDER},1,campinas"},
    ),
    "item with a text as its price": ("order_items", {"order_id": ORDER, "price": "campinas"}),
    "payment that did not parse": (
        "order_payments", {"order_id": ORDER, "payment_type": "campinas", "_corrupt_record": f'{ORDER},"1,campinas'},
    ),
    "payment with the customer's id": (
        "order_payments", {"order_id": OTHER_ORDER, "payment_type": f"campinas {UNIQUE}"},
    ),
    "product with the customer's id": (
        "products", {"product_id": PRODUCT, "product_category_name": f"campinas {UNIQUE}"},
    ),
    "seller that did not parse": ("sellers", {"seller_id": None, "seller_city": "campinas", "_corrupt_record": UNIQUE}),
    "place that did not parse": (
        "geolocation", {"geolocation_city": "campinas", "_corrupt_record": f"campinas {CUSTOMER}"},
    ),
    "category with the customer's id": (
        "product_category_translation", {"product_category_name": "campinas", "product_category_name_english": UNIQUE},
    ),
}  # fmt: skip
OTHERS = {
    "another customer": ("customers", {"customer_id": OTHER, "customer_unique_id": OTHER_ORDER, **PLACE}),
    "another customer's shifted row": ("customers", {"customer_id": OTHER, "customer_unique_id": "13056", **PLACE}),
    "a part of an id": ("customers", {"customer_id": CUSTOMER[:20], "customer_unique_id": UNIQUE[1:], **PLACE}),
    "a short id within a text": (
        "customers", {"customer_id": OTHER, "customer_unique_id": OTHER, **PLACE, "customer_city": SHORT},
    ),
    "a review that does not parse": ("order_reviews", {"review_id": OTHER_REVIEW, "_corrupt_record": "campinas"}),
    "their payment": ("order_payments", {"order_id": ORDER, "payment_value": "12.50"}),
    "their item": ("order_items", {"order_id": ORDER, "product_id": PRODUCT, "seller_id": OTHER, "price": "1.00"}),
    "a missing id": ("orders", {"order_id": None, "customer_id": None}),
}  # fmt: skip


def rows_after(spark, subject, *rows):
    changed = erased(frame(spark, BRONZE[subject], *rows), SOURCES[subject], FOUND).collect()
    return [found.asDict() for found in changed]


def text_of(row):
    return " ".join(str(value) for name, value in row.items() if name != "source_file").lower()


@pytest.mark.parametrize(("subject", "row"), THEIRS.values(), ids=THEIRS)
def test_nothing_personal_stays_in_a_row_of_theirs(spark, subject, row):
    (after,) = rows_after(spark, subject, row)
    assert not [text for text in (CUSTOMER, UNIQUE, "campinas", "13056", COMMENT.lower()) if text in text_of(after)]
    # A second time: a killed command is repeated.
    (again,) = rows_after(spark, subject, {name: after[name] for name in BRONZE[subject].column_names})
    assert again == after


@pytest.mark.parametrize(("subject", "row"), OTHERS.values(), ids=OTHERS)
def test_every_other_value_stays(spark, subject, row):
    given = arrow_rows(BRONZE[subject], row).to_pylist()
    assert [{**after, "ingestion_timestamp": None} for after in rows_after(spark, subject, row)] == [
        {**before, "ingestion_timestamp": None} for before in given
    ]
    assert to_change(frame(spark, BRONZE[subject], row), SOURCES[subject], FOUND).count() == 0


def test_order_keeps_its_id_its_times_and_gets_the_token(spark):
    (after,) = rows_after(spark, "orders", {"order_id": ORDER, "customer_id": CUSTOMER.upper()})
    assert (after["order_id"], after["customer_id"]) == (ORDER, TOKENS[CUSTOMER])
    assert after["order_purchase_timestamp"] == "2018-01-01 10:00:00"


def test_keys_stay_where_nothing_else_can(spark):
    row = {
        "review_id": REVIEW,
        "order_id": ORDER,
        "review_score": "campinas",
        "_corrupt_record": f"{REVIEW},{ORDER},campinas",
    }
    (after,) = rows_after(spark, "order_reviews", row)
    assert (after["review_id"], after["order_id"], after["review_score"]) == (REVIEW, ORDER, None)
    assert after["_corrupt_record"] == ERASED


def test_column_outside_the_contract_is_emptied_in_their_rows(spark):
    rows = frame(spark, BRONZE["order_payments"], {"order_id": ORDER}, {"order_id": OTHER_ORDER})
    added = rows.selectExpr("*", "'campinas' AS note")
    assert to_change(added, SOURCES["order_payments"], FOUND).count() == 1
    after = {row["order_id"]: row["note"] for row in erased(added, SOURCES["order_payments"], FOUND).collect()}
    assert after == {ORDER: None, OTHER_ORDER: "campinas"}


@pytest.mark.engines
@pytest.mark.parametrize("subject", BRONZE)
def test_id_in_any_column_of_a_file_makes_the_row_theirs(spark, subject):
    names = [name for name in BRONZE[subject].column_names if name not in ADDED_COLUMNS]
    others = [row for of, row in THEIRS.values() if of == subject]
    after = rows_after(spark, subject, *({name: f"campinas {UNIQUE.upper()}"} for name in names), *others)
    assert len(after) == len(names) + len(others)
    assert not [row for row in after if any(text in text_of(row) for text in (CUSTOMER, UNIQUE, "campinas", "13056"))]
