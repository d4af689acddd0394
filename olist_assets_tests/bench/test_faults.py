"""A small version of bench.faults: on made-up orders the rules see what the measurement on the real ones shows."""

from collections.abc import Iterator

import duckdb
import pytest

from bench.fault_kinds import FAULTS
from bench.faults import ANOMALIES, alarms, detection, first_days, open_faulty, subjects
from olist_assets.catalog import catalog

WEEKS = 3
# 210 days of 160 to 200 orders. The hash of a number stands for chance.
ORDERS = """
CREATE TABLE orders AS
SELECT CAST(n AS VARCHAR) AS order_id, 'c' || n AS customer_id, n AS number, day, hash(n) % 100 AS chance,
       hash(n * 7) % 100 AS other_chance,
       day + INTERVAL (8 * 60 + hash(n * 3) % 840) MINUTE AS bought
FROM (SELECT DATE '2018-01-01' + CAST(d AS INT) AS day, d * 200 + m AS n
      FROM range(210) a(d), range(200) b(m) WHERE m < 160 + hash(d) % 40)
"""
TABLES = {
    "silver_customers": """
        SELECT customer_id, CAST(10000 + number AS VARCHAR) AS customer_zip_code_prefix,
               CASE WHEN chance < 13 THEN 'RJ' WHEN chance < 18 THEN 'BA' ELSE 'SP' END AS customer_state
        FROM orders""",
    "silver_purchases": """
        SELECT order_id, customer_id, 'delivered' AS order_status, bought AS order_purchase_timestamp, day AS order_date
        FROM orders""",
    "silver_order_items": """
        SELECT order_id, 1 AS order_item_id, 's' || number % 60 AS seller_id, 'c' AS product_category_name,
               CASE WHEN other_chance < 15 THEN 'bed_bath_table' ELSE 'toys' END AS product_category_name_english,
               CAST(50 + other_chance AS DECIMAL(10,2)) AS price, CAST(15 AS DECIMAL(10,2)) AS freight_value
        FROM orders""",
    "silver_order_payments": """
        SELECT order_id, CASE WHEN chance < 80 THEN 'credit_card' ELSE 'boleto' END AS primary_payment_type,
               1 AS payment_count, CAST(1 + other_chance % 6 AS INT) AS max_installments,
               CAST(65 + other_chance AS DECIMAL(12,2)) AS total_payment_value
        FROM orders""",
    "silver_order_reviews": """
        SELECT order_id AS review_id, day AS review_creation_date, CAST(5 - other_chance % 3 AS INT) AS review_score,
               CASE WHEN other_chance < 40 THEN 'text' END AS review_comment_message
        FROM orders""",
    "silver_orders_master": """
        SELECT order_id, day AS order_date, bought AS order_purchase_timestamp,
               bought + INTERVAL 1 HOUR AS order_approved_at, 1 AS items_count, 1 AS review_count,
               CAST(8 + other_chance % 5 AS INT) AS delivery_days, customer_state,
               CAST(50 + other_chance AS DECIMAL(12,2)) AS total_items_price,
               CAST(15 AS DECIMAL(12,2)) AS total_freight_value,
               CAST(65 + other_chance AS DECIMAL(12,2)) AS total_payment_value
        FROM orders JOIN silver_customers USING (customer_id)""",
}
SEEN_AT_ONCE = {
    "payments x 100", "10 % of payments missing", "10 % of orders without items", "freight zero",
    "purchase time 3 hours late", "largest category lost (10 % of items)", "state RJ lost (13 % of orders)",
    "20 % of orders canceled", "review scores inverted", "installments all 1", "sellers merged into one",
}  # fmt: skip
SEEN_BY_THE_THIRD_DAY = {"state BA lost (3 % of orders)"}
SEEN_BY_COUNTS_AND_KEYS = {"10 % of orders lost at random", "all orders doubled"}


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(ORDERS)
        for name, query in TABLES.items():
            con.execute(f"CREATE TABLE {name} AS {query}")
        open_faulty(con)
        yield con


@pytest.fixture(scope="module")
def found(sql):
    return subjects(sql, {name: catalog().tables[name] for name in TABLES})


def test_ordinary_days_cause_no_alarm(found):
    assert [alarms(subject, subject.clean) for subject in found] == [{"profiles": set(), "silence": set()}] * 6


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.name in SEEN_AT_ONCE], ids=lambda fault: fault.name
)
def test_anomaly_rules_see_the_fault_on_its_first_day(sql, found, fault):
    assert detection(sql, found, fault, first_days(found, WEEKS))[ANOMALIES][0] == WEEKS


@pytest.mark.parametrize("name", sorted(SEEN_BY_THE_THIRD_DAY | SEEN_BY_COUNTS_AND_KEYS))
def test_a_small_segment_takes_days_and_lost_or_repeated_rows_are_for_the_exact_checks(sql, found, name):
    seen = detection(sql, found, next(fault for fault in FAULTS if fault.name == name), first_days(found, WEEKS))
    assert seen[ANOMALIES][1] == WEEKS if name in SEEN_BY_THE_THIRD_DAY else seen["counts and keys"][0] == WEEKS


def test_the_names_above_are_those_of_faults():
    assert {fault.name for fault in FAULTS} >= SEEN_AT_ONCE | SEEN_BY_THE_THIRD_DAY | SEEN_BY_COUNTS_AND_KEYS
