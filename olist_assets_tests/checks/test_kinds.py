"""Each kind of check of a contract: it passes on valid rows and fails on the fault that it exists for."""

from datetime import date
from decimal import Decimal

import dagster as dg
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.checks.kinds import checks_of
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.statistics import statistics
from olist_assets.settings import Settings
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_order_payments import SILVER_ORDER_PAYMENTS
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets_tests.checks.verdicts import metrics, verdict, verdicts
from olist_assets_tests.rows import store

VALID_ORDER = {"order_id": "a", "customer_id": "c", "order_status": "delivered"}


def test_all_checks_pass_on_a_valid_table(orders):
    store(orders, SILVER_ORDERS, VALID_ORDER)
    results = verdicts(orders, SILVER_ORDERS)
    assert {name: metrics(result) for name, result in results.items() if not result.passed} == {}
    assert set(results) == {
        "schema_matches_contract",
        "required_columns_have_no_nulls",
        "row_count_is_positive",
        "order_id_is_unique",
        "order_status_is_accepted",
        "delivery_days_is_in_range",
        "delivery_delay_is_in_range",
        "customer_id_exists_in_silver_customers",
        "nothing_is_lost",
        "row_count_is_usual",
        "null_rates_are_usual",
        "schema_matches_version_before",
        "data_are_fresh",
        "commit_is_on_time",
    }


FAULTS = {
    "row_count_is_positive": [],
    "order_id_is_unique": [VALID_ORDER, VALID_ORDER],
    "order_status_is_accepted": [VALID_ORDER | {"order_status": "shipped"}],
    "delivery_days_is_in_range": [VALID_ORDER | {"delivery_days": -1}],
    "customer_id_exists_in_silver_customers": [VALID_ORDER | {"customer_id": "nobody"}],
    "nothing_is_lost": [VALID_ORDER, VALID_ORDER | {"order_id": "made up"}],
}


@pytest.mark.parametrize("check", FAULTS)
def test_each_kind_of_check_fails_on_its_fault_alone(orders, check):
    store(orders, SILVER_ORDERS, *FAULTS[check])
    failed = {name for name, result in verdicts(orders, SILVER_ORDERS).items() if not result.passed}
    # A table with too few or too many rows does not add up either, and one without rows is not fresh.
    also = {"nothing_is_lost", "data_are_fresh"}
    assert failed - also == {check} - also
    assert check in failed


def test_a_value_above_its_maximum_is_out_of_range(orders):
    store(orders, SILVER_ORDERS, VALID_ORDER | {"delivery_delay": 1000})
    assert verdict(orders, SILVER_ORDERS, "delivery_delay_is_in_range").passed
    store(orders, SILVER_ORDERS, VALID_ORDER | {"delivery_delay": 1001})
    result = verdict(orders, SILVER_ORDERS, "delivery_delay_is_in_range")
    assert (result.passed, metrics(result)) == (False, {"offending_rows": 1})


def test_a_row_that_is_in_no_table_is_lost_and_a_reject_is_not(orders):
    store(orders, BRONZE["orders"], {"order_id": "a"}, {"order_id": "b"}, {"order_id": "c"})
    store(orders, SILVER_ORDERS, VALID_ORDER)
    result = verdict(orders, SILVER_ORDERS, "nothing_is_lost")
    assert (result.passed, metrics(result)) == (
        False,
        {"source_rows": 3, "kept": 1, "filtered": 1, "rejected": 0, "lost": 1},
    )
    store(orders, SILVER_REJECTS, {"table": "bronze_orders", "reason": "bad_cast"})
    assert verdict(orders, SILVER_ORDERS, "nothing_is_lost").passed


@pytest.mark.parametrize(
    ("table", "required", "optional"),
    [(SILVER_ORDERS, "order_id", "order_approved_at"), (SILVER_ORDER_PAYMENTS, "payment_types", None)],
    ids=["counted by the log", "array, not counted by the log"],
)
def test_nulls_in_required_columns_are_counted_by_column(warehouse, table, required, optional):
    nullable = pa.schema([field.with_nullable(True) for field in arrow_schema(table)])
    nulls = pa.table({name: pa.nulls(1, nullable.field(name).type) for name in nullable.names}, nullable)
    for _ in range(2):
        write_deltalake(str(warehouse.path(table.name)), nulls, mode="append")
    is_counted = required in statistics(warehouse.open(table.name)).nulls
    assert is_counted is (table is SILVER_ORDERS)
    result = verdict(warehouse, table, "required_columns_have_no_nulls")
    assert not result.passed
    assert metrics(result)["nulls_by_column"] == dict.fromkeys([c.name for c in table.required], 2)
    assert optional not in metrics(result)["nulls_by_column"]
    assert metrics(result)["nulls"] == 2 * len(table.required)


def test_a_schema_that_differs_is_named_column_by_column(warehouse):
    fields = {field.name: field for field in arrow_schema(SILVER_ORDERS)}
    fields["order_id"] = fields["order_id"].with_nullable(True)
    fields["delivery_days"] = fields["delivery_days"].with_type(pa.int64())
    fields["surplus"] = pa.field("surplus", pa.string())
    del fields["order_date"]
    path = str(warehouse.path(SILVER_ORDERS.name))
    write_deltalake(path, pa.schema(fields.values()).empty_table())
    result = verdict(warehouse, SILVER_ORDERS, "schema_matches_contract")
    assert not result.passed
    assert metrics(result)["differences"] == [
        "order_id: ('string', True) instead of ('string', False)",
        "order_date: None instead of ('date', False)",
        "delivery_days: ('bigint', True) instead of ('int', True)",
        "surplus: ('string', True) instead of None",
    ]


def test_columns_in_another_order_do_not_match_the_contract(warehouse):
    fields = list(arrow_schema(SILVER_ORDERS))
    write_deltalake(str(warehouse.path(SILVER_ORDERS.name)), pa.schema(fields[1:] + fields[:1]).empty_table())
    result = verdict(warehouse, SILVER_ORDERS, "schema_matches_contract")
    assert (result.passed, metrics(result)) == (False, {"differences": []})


def test_new_columns_of_a_source_are_no_difference_and_those_of_other_tables_are(warehouse):
    for table, passes in ((BRONZE["sellers"], True), (SILVER_ORDERS, False)):
        schema = arrow_schema(table).append(pa.field("surplus", pa.string()))
        write_deltalake(str(warehouse.path(table.name)), schema.empty_table())
        assert verdict(warehouse, table, "schema_matches_contract").passed is passes


def test_rows_and_records_of_the_file_must_agree(warehouse, sample):
    store(warehouse, BRONZE["sellers"], {"source_file": "x"})
    result = verdict(warehouse, BRONZE["sellers"], "row_count_matches_file")
    lines = (sample / "olist_sellers_dataset.csv").read_bytes().count(b"\n")
    assert (result.passed, metrics(result)) == (False, {"rows": 1, "records": lines - 1, "lines_without_a_value": 0})
    store(warehouse, BRONZE["sellers"], *[{}] * (lines - 1))
    assert verdict(warehouse, BRONZE["sellers"], "row_count_matches_file").passed


def test_a_source_whose_columns_changed_warns_and_names_them(warehouse, sample, tmp_path):
    store(warehouse, BRONZE["sellers"], {})
    assert verdict(warehouse, BRONZE["sellers"], "source_matches_contract").passed
    changed = tmp_path / "changed"
    changed.mkdir()
    text = (sample / "olist_sellers_dataset.csv").read_text()
    (changed / "olist_sellers_dataset.csv").write_text(text.replace("seller_city", "seller_town", 1))
    settings = Settings(data=changed, warehouse=warehouse.settings.warehouse)
    result = verdict(type(warehouse)(settings, warehouse.catalog), BRONZE["sellers"], "source_matches_contract")
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert metrics(result) == {"differences": {"added": ["seller_town"], "missing": ["seller_city"]}}


def test_records_that_did_not_parse_warn(warehouse):
    store(warehouse, BRONZE["sellers"], {"_corrupt_record": None})
    assert verdict(warehouse, BRONZE["sellers"], "records_parse").passed
    store(warehouse, BRONZE["sellers"], {"_corrupt_record": "a,b"})
    result = verdict(warehouse, BRONZE["sellers"], "records_parse")
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_words_for_missing_values_warn_by_column_with_the_remedy(warehouse):
    store(warehouse, BRONZE["order_reviews"], {"review_comment_title": "None", "review_comment_message": "null"})
    assert verdict(warehouse, BRONZE["order_reviews"], "missing_values_are_empty").passed
    store(warehouse, BRONZE["order_reviews"], {"review_id": "NaN"}, {"review_id": " nan"}, {"review_score": "\\N"}, {})
    result = verdict(warehouse, BRONZE["order_reviews"], "missing_values_are_empty")
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert metrics(result)["null_words_by_column"] == {"review_id": 2, "review_score": 1}
    assert "na_rep=''" in metrics(result)["remedy"]


def test_zip_prefixes_without_their_zeros_warn_with_their_share(warehouse):
    prefixes = ("01310", "1310", None, "99")
    store(warehouse, BRONZE["sellers"], *({"seller_zip_code_prefix": prefix} for prefix in prefixes[:1]))
    assert verdict(warehouse, BRONZE["sellers"], "zip_prefixes_have_five_digits").passed
    store(warehouse, BRONZE["sellers"], *({"seller_zip_code_prefix": prefix} for prefix in prefixes))
    result = verdict(warehouse, BRONZE["sellers"], "zip_prefixes_have_five_digits")
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (metrics(result)["short_prefixes"], metrics(result)["share"]) == (2, pytest.approx(2 / 3))


def test_a_count_that_must_equal_upstreams_fails_when_a_join_lost_a_row(orders):
    other_day = {"order_id": "c", "order_date": date(2018, 2, 2)}  # not materialized yet, so not compared
    store(orders, SILVER_ORDERS, VALID_ORDER, VALID_ORDER | {"order_id": "b"}, VALID_ORDER | other_day)
    store(orders, SILVER_ORDER_PAYMENTS)
    store(orders, SILVER_ORDER_ITEMS)
    store(orders, SILVER_ORDERS_MASTER, VALID_ORDER)
    results = verdicts(orders, SILVER_ORDERS_MASTER)
    result = results["row_count_matches_silver_orders"]
    assert (result.passed, metrics(result)) == (False, {"rows": 1, "expected": 2})
    assert metrics(results["nothing_is_lost"])["lost"] == 2


def test_amounts_that_differ_by_a_cent_do_not_reconcile(orders):
    cents = {"order_id": "a", "total_payment_value": Decimal("10.01")}
    store(orders, SILVER_ORDERS, VALID_ORDER)
    store(orders, SILVER_ORDER_ITEMS)
    store(orders, SILVER_ORDER_PAYMENTS, cents)
    store(orders, SILVER_ORDERS_MASTER, VALID_ORDER | cents)
    assert verdict(orders, SILVER_ORDERS_MASTER, "payments_match_silver").passed
    store(orders, SILVER_ORDERS_MASTER, VALID_ORDER | {"total_payment_value": Decimal("10.02")})
    result = verdict(orders, SILVER_ORDERS_MASTER, "payments_match_silver")
    assert (result.passed, metrics(result)["difference"]) == (False, pytest.approx(0.01))


def test_check_names_are_unique_predicates(tables):
    verbs = {
        "is", "are", "were", "has", "have", "matches", "match", "exists", "parse", "covers", "equals", "add", "grows",
        "improves", "lie", "reconcile",
    }  # fmt: skip
    for table in tables.tables.values():
        names = [check.name for check in checks_of(table, tables.tables)]
        assert len(names) == len(set(names)), table.name
        assert all(verbs & set(name.split("_")) for name in names), names


def test_a_table_without_a_null_has_none_to_count(warehouse):
    store(warehouse, SILVER_ORDER_PAYMENTS, {})
    assert DeltaTable(str(warehouse.path(SILVER_ORDER_PAYMENTS.name))).version() == 1
    result = verdict(warehouse, SILVER_ORDER_PAYMENTS, "required_columns_have_no_nulls")
    assert (result.passed, metrics(result)["nulls"]) == (True, 0)
