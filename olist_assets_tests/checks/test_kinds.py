"""Each kind of check: it passes on sound rows and fails on the fault it is there for."""

import math
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.bronze.snapshots import BRONZE
from olist_assets.catalog import tables
from olist_assets.checks.kinds import checks_of
from olist_assets.checks.assembly import evaluated
from olist_assets.ml.gold_customer_churn_predictions import GOLD_CUSTOMER_CHURN_PREDICTIONS
from olist_assets.settings import Settings
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_order_payments import SILVER_ORDER_PAYMENTS
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets_tests.conftest import write_delta


def verdicts(settings, table):
    """Results of all checks of a table by name."""
    return {result.check_name: result for result in evaluated(table, checks_of(table), settings)}


def figures(result) -> dict[str, Any]:
    return {name: value.value for name, value in result.metadata.items()}


@pytest.fixture
def orders(spark, settings, monkeypatch):
    """Sound bronze_customers, bronze_orders and no rejects; the test adds silver_orders."""
    monkeypatch.setenv("OLIST_AS_OF", "2018-01-01")
    write_delta(spark, settings, BRONZE["customers"], {"customer_id": "c"})
    write_delta(spark, settings, BRONZE["orders"], {"order_id": "a"}, {"order_id": "b", "order_status": "canceled"})
    write_delta(spark, settings, SILVER_REJECTS)
    return Settings()


SOUND_ORDER = {"order_id": "a", "customer_id": "c", "order_status": "delivered"}


def test_all_checks_pass_on_a_sound_table(spark, orders):
    write_delta(spark, orders, SILVER_ORDERS, SOUND_ORDER)
    results = verdicts(orders, SILVER_ORDERS)
    assert {name: figures(result) for name, result in results.items() if not result.passed} == {}
    assert set(results) == {
        "schema_matches_contract",
        "required_columns_have_no_nulls",
        "row_count_is_positive",
        "order_id_is_unique",
        "order_status_is_accepted",
        "delivery_days_is_in_range",
        "delivery_delay_is_in_range",
        "customer_id_exists_in_bronze_customers",
        "nothing_is_lost",
        "row_count_is_usual",
        "null_rates_are_usual",
        "schema_matches_version_before",
        "data_are_fresh",
    }


FAULTS = {
    "row_count_is_positive": [],
    "order_id_is_unique": [SOUND_ORDER, SOUND_ORDER],
    "order_status_is_accepted": [SOUND_ORDER | {"order_status": "shipped"}],
    "delivery_days_is_in_range": [SOUND_ORDER | {"delivery_days": -1}],
    "customer_id_exists_in_bronze_customers": [SOUND_ORDER | {"customer_id": "nobody"}],
    "nothing_is_lost": [SOUND_ORDER, SOUND_ORDER | {"order_id": "made up"}],
}


@pytest.mark.parametrize("check", FAULTS)
def test_each_kind_of_check_fails_on_its_fault_alone(spark, orders, check):
    write_delta(spark, orders, SILVER_ORDERS, *FAULTS[check])
    failed = {name for name, result in verdicts(orders, SILVER_ORDERS).items() if not result.passed}
    # A table with too few or too many rows does not add up either, and one without rows is not fresh.
    also = {"nothing_is_lost", "data_are_fresh"}
    assert failed - also == {check} - also
    assert check in failed


def test_a_row_that_is_nowhere_is_lost_and_a_reject_is_not(spark, orders):
    write_delta(spark, orders, BRONZE["orders"], {"order_id": "a"}, {"order_id": "b"})
    write_delta(spark, orders, SILVER_ORDERS, SOUND_ORDER)
    result = verdicts(orders, SILVER_ORDERS)["nothing_is_lost"]
    assert (result.passed, figures(result)["lost"]) == (False, 1)
    write_delta(spark, orders, SILVER_REJECTS, {"table": "bronze_orders", "reason": "bad_cast"})
    assert verdicts(orders, SILVER_ORDERS)["nothing_is_lost"].passed


def test_nulls_in_required_columns_are_counted_by_column(spark, settings):
    path = lakehouse.table_path(settings, SILVER_ORDERS.name)
    columns = ", ".join(f"CAST(NULL AS {c.type}) AS {c.name}" for c in SILVER_ORDERS.columns)
    spark.sql(f"SELECT {columns}").write.format("delta").save(str(path))
    spark.sql(f"SELECT {columns}").write.format("delta").mode("append").save(str(path))
    result = verdicts(settings, SILVER_ORDERS)["required_columns_have_no_nulls"]
    assert not result.passed
    assert figures(result)["nulls_by_column"]["order_id"] == 2
    assert "order_approved_at" not in figures(result)["nulls_by_column"]


def test_nulls_in_arrays_are_found_though_the_log_does_not_count_them(spark, settings):
    path = lakehouse.table_path(settings, SILVER_ORDER_PAYMENTS.name)
    columns = ", ".join(f"CAST(NULL AS {c.type}) AS {c.name}" for c in SILVER_ORDER_PAYMENTS.columns)
    for mode in ("append", "append"):
        spark.sql(f"SELECT {columns}").write.format("delta").mode(mode).save(str(path))
    result = verdicts(settings, SILVER_ORDER_PAYMENTS)["required_columns_have_no_nulls"]
    assert figures(result)["nulls_by_column"]["payment_types"] == 2


def test_a_schema_that_differs_is_named_column_by_column(spark, settings):
    path = lakehouse.table_path(settings, SILVER_ORDERS.name)
    columns = SILVER_ORDERS.ddl().replace("`delivery_days` INT", "`delivery_days` BIGINT").replace(" NOT NULL", "", 1)
    spark.sql(f"CREATE TABLE delta.`{path}` ({columns}, surplus STRING) USING DELTA")
    spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('x' = 'y')")
    result = verdicts(settings, SILVER_ORDERS)["schema_matches_contract"]
    differences = " ".join(figures(result)["differences"])
    assert not result.passed
    assert all(word in differences for word in ("delivery_days", "long", "order_id", "surplus"))


def test_rows_and_records_of_the_file_must_agree(spark, settings, sample):
    write_delta(spark, settings, BRONZE["sellers"], {"source_file": "x"})
    result = verdicts(settings, BRONZE["sellers"])["row_count_matches_file"]
    lines = (sample / "olist_sellers_dataset.csv").read_bytes().count(b"\n")
    assert (result.passed, figures(result)) == (False, {"rows": 1, "records": lines - 1})


def test_records_that_did_not_parse_warn(spark, settings):
    write_delta(spark, settings, BRONZE["sellers"], {"_corrupt_record": "a,b"})
    result = verdicts(settings, BRONZE["sellers"])["records_parse"]
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_count_that_must_equal_upstreams_fails_when_a_join_lost_a_row(spark, orders):
    another_day = {"order_id": "c", "order_date": date(2018, 2, 2)}  # not made yet, so not compared
    write_delta(spark, orders, SILVER_ORDERS, SOUND_ORDER, SOUND_ORDER | {"order_id": "b"}, SOUND_ORDER | another_day)
    write_delta(spark, orders, SILVER_ORDER_PAYMENTS)
    write_delta(spark, orders, SILVER_ORDER_ITEMS)
    write_delta(spark, orders, SILVER_ORDERS_MASTER, SOUND_ORDER)
    result = verdicts(orders, SILVER_ORDERS_MASTER)["row_count_matches_silver_orders"]
    assert (result.passed, figures(result)) == (False, {"rows": 1, "expected": 2})
    assert figures(verdicts(orders, SILVER_ORDERS_MASTER)["nothing_is_lost"])["lost"] == 2


def test_money_that_is_off_by_a_cent_does_not_reconcile(spark, orders):
    cents = {"order_id": "a", "total_payment_value": Decimal("10.01")}
    write_delta(spark, orders, SILVER_ORDERS, SOUND_ORDER)
    write_delta(spark, orders, SILVER_ORDER_ITEMS)
    write_delta(spark, orders, SILVER_ORDER_PAYMENTS, cents)
    write_delta(spark, orders, SILVER_ORDERS_MASTER, SOUND_ORDER | cents)
    assert verdicts(orders, SILVER_ORDERS_MASTER)["payments_match_silver"].passed
    write_delta(spark, orders, SILVER_ORDERS_MASTER, SOUND_ORDER | {"total_payment_value": Decimal("10.02")})
    result = verdicts(orders, SILVER_ORDERS_MASTER)["payments_match_silver"]
    assert (result.passed, figures(result)["difference"]) == (False, pytest.approx(0.01))


def test_a_check_whose_other_table_is_not_made_yet_warns_and_names_it(spark, settings):
    write_delta(spark, settings, SILVER_ORDERS, SOUND_ORDER)
    result = verdicts(settings, SILVER_ORDERS)["customer_id_exists_in_bronze_customers"]
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert figures(result) == {"tables_not_made_yet": ["bronze_customers"]}


def test_check_names_are_unique_predicates():
    for table in tables().values():
        names = [check.name for check in checks_of(table)]
        assert len(names) == len(set(names)), table.name
        verbs = {"is", "are", "have", "matches", "match", "exists", "parse", "covers"}
        assert all(verbs & set(name.split("_")) for name in names), names


def scored(*probabilities: float) -> list[dict[str, Any]]:
    """Rows of gold_customer_churn_predictions as its function would write them, the highest probability first."""
    last = max(len(probabilities) - 1, 1)
    return [
        {
            "customer_unique_id": f"c{rank:03}",
            "churn_probability": probability,
            "no_repurchase_probability": probability,
            "churn_percentile": rank / last,
            "churn_risk_category": "High Risk"
            if rank / last <= 0.2
            else "Medium Risk"
            if rank / last <= 0.5
            else "Low Risk",
        }
        for rank, probability in enumerate(sorted(probabilities, reverse=True))
    ]


EVEN = [number / 100 for number in range(100)]


@pytest.mark.parametrize(
    ("new", "stable"), [(EVEN, True), (EVEN[3:], True), ([p / 3 for p in EVEN], False), ([0.5] * 100, False)]
)
def test_scores_that_shifted_since_the_version_before_warn(spark, settings, new, stable):
    write_delta(spark, settings, GOLD_CUSTOMER_CHURN_PREDICTIONS, *scored(*EVEN))
    first = verdicts(settings, GOLD_CUSTOMER_CHURN_PREDICTIONS)["churn_probability_is_stable"]
    assert (first.passed, figures(first)) == (True, {"compared_with_version": "none: it is the first"})
    write_delta(spark, settings, GOLD_CUSTOMER_CHURN_PREDICTIONS, *scored(*new))
    result = verdicts(settings, GOLD_CUSTOMER_CHURN_PREDICTIONS)["churn_probability_is_stable"]
    assert (result.passed, result.severity) == (stable, dg.AssetCheckSeverity.WARN)
    assert (figures(result)["psi"] < 0.25, figures(result)["compared_with_version"]) == (stable, 1)


def test_the_population_stability_index_is_the_formulas(spark, settings):
    write_delta(spark, settings, GOLD_CUSTOMER_CHURN_PREDICTIONS, *scored(*EVEN))
    # Of the first decile, 0.00 to 0.09, half moved to the last: 5 and 15 of 100 instead of 10 and 10.
    moved = [p if p >= 0.05 else 0.99 for p in EVEN]
    write_delta(spark, settings, GOLD_CUSTOMER_CHURN_PREDICTIONS, *scored(*moved))
    result = verdicts(settings, GOLD_CUSTOMER_CHURN_PREDICTIONS)["churn_probability_is_stable"]
    assert figures(result)["psi"] == pytest.approx(-0.05 * math.log(0.5) + 0.05 * math.log(1.5))


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ({"churn_percentile": 0.5}, "churn_percentile_covers_0_to_1"),
        ({"churn_risk_category": "Low Risk"}, "risk_shares_are_20_30_50"),
        ({"churn_probability": 1.5}, "churn_probability_is_in_range"),
    ],
)
def test_predictions_that_break_a_rule_fail_its_check(spark, settings, fault, check):
    rows = scored(*EVEN)
    write_delta(spark, settings, GOLD_CUSTOMER_CHURN_PREDICTIONS, *rows)
    assert verdicts(settings, GOLD_CUSTOMER_CHURN_PREDICTIONS)[check].passed
    write_delta(spark, settings, GOLD_CUSTOMER_CHURN_PREDICTIONS, *(row | fault for row in rows[:3]), *rows[3:])
    assert not verdicts(settings, GOLD_CUSTOMER_CHURN_PREDICTIONS)[check].passed
