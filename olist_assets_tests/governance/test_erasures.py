"""Customers on the list of erasures are in no snapshot, now or later; no other value and no row changes."""

import csv
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pydantic import SecretStr

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.source_files import SOURCES
from olist_assets.contracts.source_values import ERASED
from olist_assets.engine.source_reader import SourceReader
from olist_assets.errors import OlistError
from olist_assets.governance import erasures, masking
from olist_assets.governance.erasing import Found, erased
from olist_assets.governance.erasures import Erasures, Person
from olist_assets.governance.traces import Traces
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.person import known_person
from olist_assets.operations.platform import Platform
from olist_assets_tests.governance.conftest import SECRET
from olist_assets_tests.rows import frame, store

CUSTOMER, ORDER, REVIEW, UNIQUE = "c1" * 16, "d2" * 16, "e3" * 16, "a4" * 16
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
    return Person(row["customer_unique_id"], Traces(frozenset({row["customer_unique_id"], *ids})))


def store_snapshots(warehouse: Warehouse, person: Person) -> None:
    """The snapshots with all customer ids of a person, an order with a comment, and another customer."""
    theirs = sorted(person.traces.ids - {person.unique_id})
    rows = [{"customer_id": known, "customer_unique_id": person.unique_id} for known in theirs]
    store(warehouse, BRONZE["customers"], *rows, {"customer_id": CUSTOMER, "customer_unique_id": "b5" * 16})
    store(warehouse, BRONZE["orders"], {"order_id": ORDER, "customer_id": theirs[0]})
    comment = {"review_comment_message": "a comment of some length"}
    store(warehouse, BRONZE["order_reviews"], {"review_id": REVIEW, "order_id": ORDER} | comment)


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
    assert all(listed.knows(known) for known in buyer.traces.ids)
    assert not listed.knows(CUSTOMER)
    assert not any(known in str(log.to_pyarrow_table().to_pylist()) for known in buyer.traces.ids)


def test_the_list_is_read_with_the_secret_that_it_was_written_with(secret_warehouse: Warehouse, buyer: Person):
    erasures.add(secret_warehouse, buyer)
    with pytest.raises(OlistError, match="is not the secret with which the erasures"):
        Erasures(with_secret(secret_warehouse, "another secret than before"))
    with pytest.raises(OlistError, match="OLIST_MASK_SALT is not set"):
        Erasures(with_secret(secret_warehouse, None))


def test_ids_places_and_comments_are_erased_from_each_snapshot(spark):
    found = Found({CUSTOMER: "erased-1", UNIQUE: "erased-2"}, frozenset({ORDER, REVIEW}))
    tables = {subject: BRONZE[subject] for subject in ("customers", "orders", "order_reviews")}
    place = {"customer_zip_code_prefix": "13056", "customer_city": "campinas", "customer_state": "SP"}
    customers = erased(
        frame(
            spark,
            tables["customers"],
            {"customer_id": CUSTOMER, "customer_unique_id": UNIQUE, **place},
            {"customer_id": "x", "customer_unique_id": "y", **place},
            {"customer_id": "z", "customer_unique_id": "w", **place, "_corrupt_record": f'"{CUSTOMER}",oops'},
        ),
        SOURCES["customers"],
        found,
    ).collect()
    assert [tuple(row[:5]) for row in customers] == [
        ("erased-1", "erased-2", ERASED, ERASED, "SP"),
        ("x", "y", "13056", "campinas", "SP"),
        (None, None, ERASED, ERASED, None),
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
    assert erased(reviews, SOURCES["order_reviews"], Found()) is reviews


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
        assert not any(known in text for known in (*buyer.traces.ids, CUSTOMER, "new comment"))
    theirs = [row for row in read["customers"] if row["customer_city"] == ERASED]
    assert len(theirs) == len(buyer.traces.ids)
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
    store_snapshots(secret_warehouse, buyer)
    code, text = olist_with(secret_warehouse.settings)("forget", "nobody")
    assert code == WRONG_USE
    assert "No customer and no order has the id 'nobody'" in text
    assert not Erasures(secret_warehouse)


def test_a_person_is_found_by_the_own_id_and_by_that_of_an_order(secret_warehouse: Warehouse, buyer: Person):
    store_snapshots(secret_warehouse, buyer)
    platform = Platform(secret_warehouse.settings)
    for given in (*buyer.traces.ids, f" {buyer.unique_id.upper()}"):
        found, texts = known_person(platform, given)
        assert (found.unique_id, found.traces.ids) == (buyer.unique_id, buyer.traces.ids)
        assert found.traces.records == {ORDER, REVIEW}
        assert "a comment of some length" in texts


def old_entry(unique_id: str, ids: list[str]) -> dict:
    """An entry as earlier releases wrote it: hashes that begin with the tokens of the masks."""
    secret = SECRET.encode()
    listed = [masking.digest(secret, known) for known in (unique_id, *ids)]
    mark = masking.digest(secret, "olist erasures")
    return {"at": datetime.now(UTC), "ids": listed, "token": "0" * 32, "secret": mark}


def store_old_list(warehouse: Warehouse, person: Person) -> None:
    schema = pa.schema([erasures.SCHEMA.field(name) for name in ("at", "ids", "token", "secret")])
    rows = pa.Table.from_pylist([old_entry(person.unique_id, sorted(person.traces.ids - {person.unique_id}))], schema)
    write_deltalake(str(erasures.path(warehouse)), rows, mode="append", name="erasures")


def listed_text(warehouse: Warehouse) -> str:
    """Everything in the folder of the list, Parquet decoded."""
    files = [path for path in erasures.path(warehouse).rglob("*") if path.is_file()]
    rows = (str(pq.read_table(path).to_pylist()) for path in files if path.suffix == ".parquet")
    return " ".join((*rows, *(path.read_bytes().decode("latin-1") for path in files)))


def mask_tokens(values: Iterable[str]) -> list[str]:
    return [masking.token(SECRET.encode(), value).removeprefix(masking.TOKEN) for value in values]


def test_masked_export_does_not_tell_who_is_on_the_list(secret_warehouse: Warehouse, buyer: Person):
    with_records = Person(buyer.unique_id, Traces(buyer.traces.ids, frozenset({ORDER, REVIEW})))
    erasures.add(secret_warehouse, with_records)
    text = listed_text(secret_warehouse)
    tokens = mask_tokens((*with_records.traces.ids, ORDER, REVIEW, "olist erasures"))
    assert not [token for token in tokens if token in text]
    replaced = Erasures(secret_warehouse).token(buyer.unique_id)
    assert replaced is not None
    assert not [token for token in tokens if token[:16] in replaced]


def test_old_list_is_read_and_keeps_its_tokens(secret_warehouse: Warehouse, buyer: Person):
    store_old_list(secret_warehouse, buyer)
    listed = Erasures(secret_warehouse)
    assert all(listed.knows(known) for known in buyer.traces.ids)
    token = masking.digest(SECRET.encode(), "0" * 32 + buyer.unique_id)[: masking.DIGITS]
    assert listed.token(buyer.unique_id) == f"{ERASED}-{token}"
    with pytest.raises(OlistError, match="is not the secret with which the erasures"):
        Erasures(with_secret(secret_warehouse, "another secret than before"))


def test_old_list_is_rewritten_by_the_next_erasure_of_anybody(secret_warehouse: Warehouse, buyer: Person):
    store_old_list(secret_warehouse, buyer)
    before = Erasures(secret_warehouse)
    hashes = [digest[: masking.DIGITS] for digest in old_entry(buyer.unique_id, [])["ids"]]
    assert [digest for digest in hashes if digest in listed_text(secret_warehouse)]
    # The same person again, and another one.
    erasures.add(secret_warehouse, buyer)
    assert not [token for token in mask_tokens(buyer.traces.ids) if token in listed_text(secret_warehouse)]
    erasures.add(secret_warehouse, Person(UNIQUE, Traces(frozenset({UNIQUE}))))
    after = Erasures(secret_warehouse)
    assert not after.is_old
    assert len(after.rows) == len(before.rows) + 1
    assert all(after.token(known) == before.token(known) for known in buyer.traces.ids)
    assert after.token(UNIQUE) != before.token(UNIQUE)


def test_new_ids_of_a_listed_person_are_added_under_the_same_seed(secret_warehouse: Warehouse, buyer: Person):
    erasures.add(secret_warehouse, buyer)
    more = Person(buyer.unique_id, Traces(buyer.traces.ids | {CUSTOMER}, frozenset({ORDER})))
    erasures.add(secret_warehouse, more)
    erasures.add(secret_warehouse, more)
    first, second = sorted(Erasures(secret_warehouse).rows, key=lambda row: row["at"])
    assert first["token"] == second["token"]
    assert (len(second["ids"]), len(second["records"])) == (1, 1)


def test_comment_of_a_listed_order_does_not_come_back_when_the_source_lost_the_order(
    platform: Platform, secret_warehouse: Warehouse, buyer: Person, sample: Path, tmp_path: Path, spark
):
    data = tmp_path / "data"
    shutil.copytree(sample, data)
    erasures.add(secret_warehouse, Person(buyer.unique_id, Traces(buyer.traces.ids, frozenset({ORDER}))))
    with (data / SOURCES["order_reviews"].name).open("a") as opened:
        opened.write(f"{REVIEW},{ORDER.upper()},5,,new comment,2018-01-09 00:00:00,2018-01-10 00:00:00\n")
    # Records that do not parse, of files in which nobody looks for customers.
    with (data / SOURCES["geolocation"].name).open("a") as opened:
        opened.write(f"13056,{buyer.unique_id},new comment\n")
    with (data / SOURCES["order_payments"].name).open("a") as opened:
        opened.write(f'{ORDER},1,credit_card,1,9.90,"new comment"\n')
    warehouse = replace(secret_warehouse, settings=secret_warehouse.settings.model_copy(update={"data": data}))
    reader = SourceReader(warehouse, platform.engine, allow_change=False)
    for subject in ("order_reviews", "geolocation", "order_payments"):
        rows = reader.read(SOURCES[subject]).collect()
        assert len(rows) == len(records(data, subject))
        assert not [row for row in rows if "new comment" in str(row) or buyer.unique_id in str(row)]
