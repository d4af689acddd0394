"""`olist recommend`: lists of products, customers and states, by id or its beginning, as a role sees them."""

import csv
import io
import json
from datetime import date

import pytest

from olist_assets.catalog import catalog
from olist_assets_tests.rows import store

SUCCESS, WRONG_USE = 0, 2
TABLES = catalog().tables
LISTS, CATEGORIES = TABLES["gold_product_recommendations"], TABLES["gold_next_category"]
POPULAR = TABLES["gold_state_popular"]
SALT = "a secret of at least thirty-two characters"


@pytest.fixture
def recommendations(warehouse):
    """Lists of three products, of a customer and of a state."""
    first = {"product_id": "abc1", "recommended_product_id": "abd2", "reason": "bought_together", "price_ratio": 0.5}
    store(
        warehouse,
        LISTS,
        first | {"rank": 2, "recommended_product_id": "xyz", "price_ratio": None},
        first,
        first | {"product_id": "abd2"},
        first | {"product_id": "abd"},
    )
    bought = {"customer_unique_id": "ana", "product_category_name_english": "toys", "reason": "bought_before"}
    store(warehouse, CATEGORIES, bought | {"last_order_date": date(2018, 8, 1)})
    store(warehouse, POPULAR, {"customer_state": "SP", "product_id": "abc1", "orders": 7})


@pytest.mark.parametrize("given", ["abc1", "abc"])
def test_a_product_is_found_by_its_id_and_by_its_beginning(olist, recommendations, given):
    code, text = olist("recommend", given, "--format", "csv")
    assert code == SUCCESS, text
    rows = [
        (row["product_id"], row["rank"], row["recommended_product_id"]) for row in csv.DictReader(io.StringIO(text))
    ]
    assert rows == [("abc1", "1", "abd2"), ("abc1", "2", "xyz")]


def test_a_whole_id_is_meant_even_if_another_one_begins_with_it(olist, recommendations):
    code, text = olist("recommend", "abd", "--format", "json")
    assert (code, [row["product_id"] for row in json.loads(text)]) == (SUCCESS, ["abd"])


def test_the_table_has_whole_ids_reasons_and_a_dash_for_what_is_not_known(olist, recommendations):
    code, text = olist("recommend", "abc1")
    assert code == SUCCESS, text
    assert "Beside abc1" in text
    assert "bought_together" in text
    assert "0.50" in text
    assert " - " in text


def test_customers_and_states_have_lists_of_their_own(olist, recommendations):
    code, text = olist("recommend", "--customer", "ana", "--format", "json")
    assert code == SUCCESS, text
    assert [row["product_category_name_english"] for row in json.loads(text)] == ["toys"]
    code, text = olist("recommend", "--state", "sp", "--format", "json")
    assert (code, [(row["product_id"], row["orders"]) for row in json.loads(text)]) == (SUCCESS, [("abc1", 7)])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("zz",), "Some that have: abc1, abd, abd2."),
        (("ab",), "several products' ids: abc1, abd, abd2"),
        (("x' OR true --",), "No product whose id begins with"),
        (("--customer", "bia"), "No customer has the customer_unique_id 'bia'"),
        (("--state", "XX"), "There are: SP."),
        ((), "Give either a PRODUCT, --customer or --state"),
        (("abc1", "--state", "SP"), "Give either a PRODUCT, --customer or --state"),
        (("abc1", "--as", "nobody"), "nobody"),
        (("abc1", "--as", "marketing"), "may not read gold_product_recommendations"),
    ],
    ids=["unknown", "ambiguous", "SQL", "customer", "state", "nothing", "two", "role", "not allowed"],
)
def test_what_is_not_found_or_not_allowed_says_what_there_is(olist, recommendations, words, reason):
    code, text = olist("recommend", *words)
    assert (code, reason in text) == (WRONG_USE, True), text


def test_before_the_tables_are_made_it_says_how_to_make_them(olist):
    code, text = olist("recommend", "abc1")
    assert (code, "olist materialize" in text) == (WRONG_USE, True), text


def test_a_masked_role_knows_customers_by_their_tokens_and_the_log_keeps_no_id(olist, recommendations, monkeypatch):
    monkeypatch.setenv("OLIST_MASK_SALT", SALT)
    code, text = olist("recommend", "--customer", "ana", "--as", "analyst")
    assert (code, "No customer" in text) == (WRONG_USE, True), text
    code, text = olist("sql", "--as", "analyst", "--format", "json", "FROM gold_next_category")
    (token,) = [row["customer_unique_id"] for row in json.loads(text)]
    assert token != "ana"
    code, text = olist("recommend", "--customer", token, "--as", "analyst", "--format", "csv")
    assert (code, "toys" in text) == (SUCCESS, True), text
    code, text = olist("audit", "--format", "json")
    assert code == SUCCESS, text
    assert "gold_next_category" in text
    assert "analyst" in text
    assert "'ana'" not in text
