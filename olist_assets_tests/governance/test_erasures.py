"""Whoever is on the list of erasures is in no snapshot, now or later; nobody else and no row is touched."""

import csv
import shutil

import pytest
from deltalake import DeltaTable

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.errors import OlistError
from olist_assets.governance import erasures, forget
from olist_assets.governance.erasures import ERASED, Erasures, Found, Person, erased
from olist_assets.engine.source_reader import OlistSource
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.spark.session import Spark
from olist_assets.settings import Settings
from olist_assets.contracts.source_files import SOURCES
from olist_assets_tests.conftest import use
from olist_assets_tests.rows import frame

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


def test_an_empty_list_needs_no_secret_and_reads_no_table(settings):
    assert not Erasures(settings)
    assert not erasures.path(settings).exists()


def test_a_person_is_listed_once_by_hashes_and_the_secret_must_stay(settings, secret, buyer, monkeypatch):
    settings = Settings()
    erasures.add(settings, buyer)
    erasures.add(settings, buyer)
    log = DeltaTable(str(erasures.path(settings)))
    assert log.to_pyarrow_table().num_rows == 1
    assert Erasures(settings).knows(buyer.unique_id)
    assert Erasures(settings).knows(buyer.customer_ids[0])
    assert not Erasures(settings).knows(CUSTOMER)
    assert buyer.unique_id not in str(log.to_pyarrow_table().to_pylist())
    monkeypatch.setenv("OLIST_MASK_SALT", "another secret than before")
    with pytest.raises(OlistError, match="is not the secret that the erasures"):
        Erasures(Settings())
    monkeypatch.delenv("OLIST_MASK_SALT")
    with pytest.raises(OlistError, match="OLIST_MASK_SALT is not set"):
        Erasures(Settings())


def test_what_is_erased_of_each_snapshot(spark):
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
    said = {"review_comment_title": "t", "review_comment_message": "m"}
    reviews = frame(
        spark,
        tables["order_reviews"],
        {"review_id": REVIEW, "order_id": ORDER, **said},
        # The same review, of another order too.
        {"review_id": REVIEW, "order_id": "o", **said},
        {"review_id": "r", "order_id": "o", **said},
    )
    kept = erased(reviews, SOURCES["order_reviews"], found).collect()
    assert [row["review_comment_message"] for row in kept] == [None, None, "m"]
    assert [row["review_score"] for row in kept] == ["5", "5", "5"]
    assert erased(reviews, SOURCES["order_reviews"], Found({}, (), ())) is reviews


def test_no_later_source_brings_a_person_back_not_even_with_a_new_order(
    spark, buyer, sample, secret, monkeypatch, tmp_path
):
    shutil.copytree(sample, tmp_path / "data")
    for subject, row in (
        ("customers", f"{CUSTOMER},{buyer.unique_id},13056,campinas,SP"),
        ("orders", f"{ORDER},{CUSTOMER},delivered,2018-01-01 10:00:00,,,,2018-01-10 00:00:00"),
        ("order_reviews", f"{REVIEW},{ORDER},5,,new comment,2018-01-09 00:00:00,2018-01-10 00:00:00"),
    ):
        with (tmp_path / "data" / SOURCES[subject].name).open("a") as opened:
            opened.write(row + "\n")
    settings = use(monkeypatch, tmp_path, tmp_path / "data")
    erasures.add(settings, buyer)
    source = OlistSource(spark=Spark(), schema_policy=SchemaPolicy())
    read = {subject: source.read(SOURCES[subject]).collect() for subject in ("customers", "orders", "order_reviews")}
    for subject, rows in read.items():
        assert len(rows) == len(records(tmp_path / "data", subject))
        text = str(rows)
        assert not any(known in text for known in (*buyer.ids, CUSTOMER, "new comment"))
    theirs = [row for row in read["customers"] if row["customer_city"] == ERASED]
    assert len(theirs) == len(buyer.customer_ids) + 1
    assert len({row["customer_unique_id"] for row in theirs}) == 1
    # The same tokens in every file, so that orders still find their customer; and in every read.
    tokens = {row["customer_id"] for row in theirs}
    assert len(tokens) == len(theirs)
    assert {row["customer_id"] for row in read["orders"] if row["customer_id"].startswith(ERASED)} == tokens


def test_an_id_of_nobody_says_so_and_lists_nobody(olist, store, secret, buyer):
    store("bronze_customers", {"customer_id": buyer.customer_ids[0], "customer_unique_id": buyer.unique_id})
    code, text = olist("forget", "nobody")
    assert code == WRONG_USE
    assert "No customer and no order has the id 'nobody'" in text
    assert not Erasures(Settings())
    for given in buyer.ids:
        assert forget.known_person(Settings(), given).unique_id == buyer.unique_id
