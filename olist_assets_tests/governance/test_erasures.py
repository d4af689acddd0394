"""Customers on the list of erasures are in no snapshot, now or later; no other value and no row changes."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pydantic import SecretStr

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.source_reader import SourceReader
from olist_assets.errors import OlistError
from olist_assets.governance import erasures
from olist_assets.governance.erasures import ERASED, Erasures, Found, Person, erased
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.forget import known_person
from olist_assets.operations.platform import Platform
from olist_assets_tests.rows import frame, store

CUSTOMER, ORDER, REVIEW = "c" * 32, "d" * 32, "e" * 32
WRONG_USE = 2


def records(folder, subject):
    with (folder / SOURCES[subject].name).open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture
def buyer(sample):
    """A customer of the sample whose order has a commented review."""
    commented = {r["order_id"] for r in records(sample, "order_reviews") if r["review_comment_message"]}
    owners = {o["customer_id"] for o in records(sample, "orders") if o["order_id"] in commented}
    row = next(c for c in records(sample, "customers") if c["customer_id"] in owners)
    ids = [
        c["customer_id"] for c in records(sample, "customers") if c["customer_unique_id"] == row["customer_unique_id"]
    ]
    return Person(row["customer_unique_id"], tuple(ids))


def with_secret(warehouse: Warehouse, secret: str | None) -> Warehouse:
    salt = SecretStr(secret) if secret else None
    return replace(warehouse, settings=warehouse.settings.model_copy(update={"mask_salt": salt}))


def test_an_empty_list_needs_no_secret_and_reads_no_table(warehouse: Warehouse):
    assert not Erasures(warehouse)
    assert not erasures.path(warehouse).exists()
    assert not Erasures(warehouse).knows(CUSTOMER)


def test_a_person_is_listed_once_by_hashes(secret_warehouse: Warehouse, buyer: Person):
    erasures.add(secret_warehouse, buyer)
    erasures.add(secret_warehouse, buyer)
    log = DeltaTable(str(erasures.path(secret_warehouse)))
    assert log.to_pyarrow_table().num_rows == 1
    listed = Erasures(secret_warehouse)
    assert listed
    assert all(listed.knows(known) for known in buyer.ids)
    assert not listed.knows(CUSTOMER)
    assert not any(known in str(log.to_pyarrow_table().to_pylist()) for known in buyer.ids)


def test_the_list_is_read_with_the_secret_that_it_was_written_with(secret_warehouse: Warehouse, buyer: Person):
    erasures.add(secret_warehouse, buyer)
    with pytest.raises(OlistError, match="is not the secret with which the erasures"):
        Erasures(with_secret(secret_warehouse, "another secret than before"))
    with pytest.raises(OlistError, match="OLIST_MASK_SALT is not set"):
        Erasures(with_secret(secret_warehouse, None))


def test_ids_places_and_comments_are_erased_from_each_snapshot(spark):
    found = Found({CUSTOMER: "erased-1", "u" * 32: "erased-2"}, (ORDER,), (REVIEW,))
    tables = {subject: BRONZE[subject] for subject in ("customers", "orders", "order_reviews")}
    place = {"customer_zip_code_prefix": "13056", "customer_city": "campinas", "customer_state": "SP"}
    customers = erased(
        frame(
            spark,
            tables["customers"],
            {"customer_id": CUSTOMER, "customer_unique_id": "u" * 32, **place},
            {"customer_id": "x", "customer_unique_id": "y", **place},
            {"customer_id": "z", "customer_unique_id": "w", **place, "_corrupt_record": f'"{CUSTOMER}",oops'},
        ),
        SOURCES["customers"],
        found,
    ).collect()
    assert [tuple(row[:5]) for row in customers] == [
        ("erased-1", "erased-2", ERASED, ERASED, "SP"),
        ("x", "y", "13056", "campinas", "SP"),
        ("z", "w", ERASED, ERASED, "SP"),
    ]
    assert [row["_corrupt_record"] for row in customers] == [None, None, ERASED]
    orders = frame(spark, tables["orders"], {"order_id": ORDER, "customer_id": CUSTOMER}, {"customer_id": None})
    assert [row["customer_id"] for row in erased(orders, SOURCES["orders"], found).collect()] == ["erased-1", None]
    comment = {"review_comment_title": "t", "review_comment_message": "m"}
    reviews = frame(
        spark,
        tables["order_reviews"],
        {"review_id": REVIEW, "order_id": ORDER, **comment},
        # The same review, which is of another order too.
        {"review_id": REVIEW, "order_id": "o", **comment},
        {"review_id": "r", "order_id": "o", **comment},
    )
    kept = erased(reviews, SOURCES["order_reviews"], found).collect()
    assert [row["review_comment_message"] for row in kept] == [None, None, "m"]
    assert [row["review_score"] for row in kept] == ["5", "5", "5"]
    assert erased(reviews, SOURCES["order_reviews"], Found({}, (), ())) is reviews


def test_no_later_source_brings_a_person_back_not_even_with_a_new_order(
    spark, platform: Platform, secret_warehouse: Warehouse, buyer: Person, sample: Path, tmp_path: Path
):
    data = tmp_path / "data"
    shutil.copytree(sample, data)
    for subject, row in (
        ("customers", f"{CUSTOMER},{buyer.unique_id},13056,campinas,SP"),
        ("orders", f"{ORDER},{CUSTOMER},delivered,2018-01-01 10:00:00,,,,2018-01-10 00:00:00"),
        ("order_reviews", f"{REVIEW},{ORDER},5,,new comment,2018-01-09 00:00:00,2018-01-10 00:00:00"),
    ):
        with (data / SOURCES[subject].name).open("a") as opened:
            opened.write(row + "\n")
    erasures.add(secret_warehouse, buyer)
    warehouse = replace(secret_warehouse, settings=secret_warehouse.settings.model_copy(update={"data": data}))
    reader = SourceReader(warehouse, platform.engine, allow_change=False)
    read = {subject: reader.read(SOURCES[subject]).collect() for subject in ("customers", "orders", "order_reviews")}
    for subject, rows in read.items():
        assert len(rows) == len(records(data, subject))
        text = str(rows)
        assert not any(known in text for known in (*buyer.ids, CUSTOMER, "new comment"))
    theirs = [row for row in read["customers"] if row["customer_city"] == ERASED]
    assert len(theirs) == len(buyer.customer_ids) + 1
    assert len({row["customer_unique_id"] for row in theirs}) == 1
    assert {row["customer_id"] for row in reader.read(SOURCES["customers"]).collect()} == {
        row["customer_id"] for row in read["customers"]
    }
    # The same tokens in every file, so that orders still find their customer.
    tokens = {row["customer_id"] for row in theirs}
    assert len(tokens) == len(theirs)
    assert {row["customer_id"] for row in read["orders"] if row["customer_id"].startswith(ERASED)} == tokens


def test_the_id_of_nobody_is_an_error_and_lists_nobody(
    olist_with: Callable, secret_warehouse: Warehouse, buyer: Person
):
    row = {"customer_id": buyer.customer_ids[0], "customer_unique_id": buyer.unique_id}
    store(secret_warehouse, BRONZE["customers"], row)
    code, text = olist_with(secret_warehouse.settings)("forget", "nobody")
    assert code == WRONG_USE
    assert "No customer and no order has the id 'nobody'" in text
    assert not Erasures(secret_warehouse)


def test_a_person_is_found_by_the_own_id_and_by_that_of_an_order(secret_warehouse: Warehouse, buyer: Person):
    rows = [{"customer_id": known, "customer_unique_id": buyer.unique_id} for known in buyer.customer_ids]
    store(secret_warehouse, BRONZE["customers"], *rows, {"customer_id": CUSTOMER, "customer_unique_id": "v" * 32})
    platform = Platform(secret_warehouse.settings)
    for given in buyer.ids:
        found = known_person(platform, given)
        assert (found.unique_id, sorted(found.customer_ids)) == (buyer.unique_id, sorted(buyer.customer_ids))
