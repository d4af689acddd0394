"""Which ids belong to one person, from rows in good and in bad order."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from olist_assets.contracts.source_files import CORRUPT, SOURCES
from olist_assets.errors import OlistError
from olist_assets.governance.traces import SUBJECTS, Traces, any_of, follow, require_one_person
from olist_assets.lakehouse import sql
from olist_assets.settings import Settings

UNIQUE, OTHER = "a4" * 16, "b5" * 16
CUSTOMERS, ORDERS, REVIEWS = (tuple(f"{letter}{number}" * 16 for number in range(4)) for letter in "cde")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.session(Settings()) as opened:
        yield opened


def traces(con: duckdb.DuckDBPyConnection, given: str, **rows: list[dict[str, str]]) -> Traces:
    for subject in SUBJECTS:
        fields = [pa.field(name, pa.string()) for name in (*SOURCES[subject].columns, CORRUPT)]
        con.register(subject, pa.Table.from_pylist(rows.get(subject, []), pa.schema(fields)))
    return follow(con, {given: ()}, ()).traces


def customer(at: int, unique: str = UNIQUE) -> dict[str, str]:
    return {"customer_id": CUSTOMERS[at], "customer_unique_id": unique, "customer_city": "campinas"}


def order(at: int, of: int | None = None) -> dict[str, str]:
    return {"order_id": ORDERS[at], "customer_id": CUSTOMERS[at if of is None else of]}


def review(at: int, of: int | None = None) -> dict[str, str]:
    return {"review_id": REVIEWS[at], "order_id": ORDERS[at if of is None else of]}


@pytest.mark.parametrize("given", [UNIQUE, UNIQUE.upper(), f" {CUSTOMERS[0]} "])
def test_a_person_has_all_orders_and_reviews_and_nobody_elses(con, given):
    found = traces(
        con, given, customers=[customer(0), customer(1), customer(2, OTHER)], orders=[order(0), order(1), order(2)],
        order_reviews=[review(0), review(1), review(3, of=1), review(2)],
    )  # fmt: skip
    assert found.ids == {UNIQUE, *CUSTOMERS[:2]}
    assert found.records == {*ORDERS[:2], REVIEWS[0], REVIEWS[1], REVIEWS[3]}


def test_one_review_of_two_people_does_not_join_them(con):
    rows = {"customers": [customer(0), customer(2, OTHER)], "orders": [order(0), order(2)]}
    found = traces(con, UNIQUE, **rows, order_reviews=[review(0), review(0, of=2)])
    assert found == Traces(frozenset({UNIQUE, CUSTOMERS[0]}), frozenset({ORDERS[0], REVIEWS[0]}))


def test_order_id_in_two_peoples_rows_does_not_join_them(con):
    found = traces(con, UNIQUE, customers=[customer(0), customer(2, OTHER)], orders=[order(0), order(0, of=2)])
    assert found.ids == {UNIQUE, CUSTOMERS[0]}


def test_two_ids_of_one_orders_customer_are_one_person(con):
    found = traces(con, UNIQUE, customers=[customer(0), customer(0, OTHER), customer(3, OTHER)])
    assert found.ids == {UNIQUE, OTHER, CUSTOMERS[0], CUSTOMERS[3]}


def test_somebody_elses_comment_about_an_order_makes_nothing_theirs(con):
    mention = review(2) | {"review_comment_message": f"not {ORDERS[0]}"}
    found = traces(con, UNIQUE, customers=[customer(0)], orders=[order(0), order(2)], order_reviews=[mention])
    assert found.records == {ORDERS[0]}


@pytest.mark.parametrize(
    "shifted",
    [
        {"order_id": None, "customer_id": ORDERS[0], "order_status": CUSTOMERS[0]},
        {"order_id": "x", "customer_id": ORDERS[0], CORRUPT: f"x,{ORDERS[0]},{CUSTOMERS[0]},delivered"},
        {CORRUPT: f'"{ORDERS[0]}","{CUSTOMERS[0].upper()}'},
    ],
)
def test_order_in_a_shifted_row_is_theirs(con, shifted):
    found = traces(con, UNIQUE, customers=[customer(0)], orders=[shifted], order_reviews=[review(1, of=0)])
    assert found.records == {ORDERS[0], REVIEWS[1]}


def test_two_records_in_one_line_do_not_join_two_people(con):
    line = f"{ORDERS[0]},{CUSTOMERS[0]},delivered,{ORDERS[2]},{CUSTOMERS[2]},delivered"
    found = traces(
        con, UNIQUE, customers=[customer(0), customer(2, OTHER)], orders=[{CORRUPT: line}, order(2)],
        order_reviews=[review(2)],
    )  # fmt: skip
    assert found == Traces(frozenset({UNIQUE, CUSTOMERS[0]}), frozenset({ORDERS[0]}))


def test_short_ids_are_followed_by_their_columns_only(con):
    rows = [{"customer_id": "7", "customer_unique_id": "u"}, {"customer_id": "8", "customer_unique_id": "v 7"}]
    found = traces(con, "u", customers=rows, orders=[{"order_id": "70", "customer_id": "7"}, {"order_status": "7"}])
    assert found == Traces(frozenset({"u", "7"}), frozenset({"70"}))


def test_two_shifted_rows_with_one_zip_prefix_do_not_join_two_people(con):
    shifted = [
        {"customer_id": known, "customer_unique_id": "13056", "customer_zip_code_prefix": "campinas"}
        for known in (UNIQUE, OTHER)
    ]
    assert traces(con, UNIQUE, customers=[customer(0), *shifted]).ids == {UNIQUE, CUSTOMERS[0]}


def test_times_in_another_form_are_no_ids(con):
    times = {"order_estimated_delivery_date": "2018-01-10T00:00:00", "order_approved_at": "20180101100000"}
    rows = {"customers": [customer(0), customer(2, OTHER)], "orders": [order(0) | times, order(2) | times]}
    assert traces(con, UNIQUE, **rows).records == {ORDERS[0]}


@pytest.mark.parametrize("unique", ["CUST-00012345", "0f0e0d0c-0b0a-0908-0706-050403020100", "a" * 32])
def test_ids_of_other_forms_are_followed(con, unique):
    found = traces(con, unique.upper(), customers=[customer(0, unique)], orders=[order(0)])
    assert found == Traces(frozenset({unique.lower(), CUSTOMERS[0]}), frozenset({ORDERS[0]}))


def test_word_for_a_missing_id_is_refused_instead_of_joining_everybody(con):
    rows = [{"customer_id": "unknown", "customer_unique_id": f"{at:032x}"} for at in range(1001)]
    labels = {"unknown": ()}
    traces(con, "unknown", customers=rows)
    with pytest.raises(OlistError, match="is it a word for a missing id"):
        require_one_person(follow(con, labels, ()))
    blank = [{"customer_id": "NULL", "customer_unique_id": f"{at:032x}"} for at in range(3)]
    assert traces(con, f"{0:032x}", customers=blank).ids == {f"{0:032x}"}


def test_expression_finds_each_id_and_needs_one_that_can_be_recognized(con):
    expression = any_of([*ORDERS, *REVIEWS, "7", "comentario-longo"])
    assert all(
        con.execute("SELECT regexp_matches($1, $2)", [f"x{known}y", expression]).fetchone() == (True,)
        for known in ORDERS
    )
    assert con.execute("SELECT regexp_matches($1, $2)", ["comentario-longo 7", expression]).fetchone() == (False,)
    assert any_of(["7", "comentario-longo"]) is None
