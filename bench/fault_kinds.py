"""Faults as a source, a join or a clock may cause them: per table a query that gives the rows with the fault."""

from collections.abc import Mapping
from dataclasses import dataclass

PURCHASES, ITEMS, PAYMENTS = "silver_purchases", "silver_order_items", "silver_order_payments"
REVIEWS, MASTER, CUSTOMERS = "silver_order_reviews", "silver_orders_master", "silver_customers"
OF_ORDERS = (PURCHASES, ITEMS, PAYMENTS, MASTER)
# A tenth of the orders, the same ones in each table.
TENTH = "hash(order_id) % 10 = 0"


@dataclass(frozen=True)
class Fault:
    """A named fault; the tables that it changes, each with the query of its rows."""

    name: str
    tables: Mapping[str, str]


def replaced(table: str, **columns: str) -> dict[str, str]:
    """A table with other values in some columns."""
    values = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    return {table: f"SELECT * REPLACE ({values}) FROM main.{table}"}


def without(condition: str, *tables: str) -> dict[str, str]:
    """Tables without the rows for which a condition holds."""
    return {table: f"SELECT * FROM main.{table} WHERE NOT ({condition})" for table in tables}


def without_orders(orders: str, *tables: str) -> dict[str, str]:
    """Tables without the orders that a query selects."""
    return without(f"order_id IN ({orders})", *(tables or OF_ORDERS))


def without_state(state: str) -> dict[str, str]:
    return without_orders(
        f"SELECT order_id FROM main.{PURCHASES} JOIN main.{CUSTOMERS} USING (customer_id) "
        f"WHERE customer_state = '{state}'"
    )


def without_category(category: str) -> dict[str, str]:
    return without_orders(f"SELECT order_id FROM main.{ITEMS} WHERE product_category_name_english = '{category}'")


def repeated(condition: str, times: int, *tables: str) -> dict[str, str]:
    """Tables in which the rows for which a condition holds stand several times."""
    count = f"CASE WHEN {condition} THEN {times} ELSE 1 END"
    return {
        table: f"SELECT * EXCLUDE (copies) FROM (SELECT *, unnest(range({count})) AS copies FROM main.{table})"
        for table in tables
    }


def without_payment_type(payment_type: str) -> dict[str, str]:
    return without_orders(f"SELECT order_id FROM main.{PAYMENTS} WHERE primary_payment_type = '{payment_type}'")


def multiplied(table: str, factor: str, *columns: str) -> dict[str, str]:
    """A table whose amounts are multiplied."""
    return replaced(table, **{column: f"CAST({column} * {factor} AS DECIMAL(18,2))" for column in columns})


def clock_moved(interval: str) -> dict[str, str]:
    """The time and day of the purchase alone moved, in the orders and in the delivered ones."""
    moved = f"order_purchase_timestamp + INTERVAL {interval}"
    columns = {"order_purchase_timestamp": moved, "order_date": f"CAST({moved} AS DATE)"}
    return replaced(PURCHASES, **columns) | replaced(MASTER, **columns)


FAULTS = (
    Fault(
        "payments x 100",
        multiplied(PAYMENTS, "100", "total_payment_value") | multiplied(MASTER, "100", "total_payment_value"),
    ),
    Fault(
        "10 % of payments missing",
        without(TENTH, PAYMENTS)
        | replaced(MASTER, total_payment_value=f"CASE WHEN NOT {TENTH} THEN total_payment_value END"),
    ),
    Fault(
        "10 % of orders without items",
        without(TENTH, ITEMS) | replaced(MASTER, items_count=f"CASE WHEN {TENTH} THEN 0 ELSE items_count END"),
    ),
    Fault("freight zero", multiplied(ITEMS, "0", "freight_value") | multiplied(MASTER, "0", "total_freight_value")),
    Fault("purchase time 3 hours late", clock_moved("3 HOURS")),
    Fault("largest category lost (10 % of items)", without_category("bed_bath_table")),
    Fault("largest payment type lost (74 % of orders)", without_payment_type("credit_card")),
    Fault("state RJ lost (13 % of orders)", without_state("RJ")),
    Fault("state BA lost (3 % of orders)", without_state("BA")),
    Fault("10 % of orders lost at random", without(TENTH, *OF_ORDERS)),
    Fault("all orders doubled", repeated("true", 2, *OF_ORDERS)),
    # The eleven above are the first that were tried; the others look for the limits of the rules.
    Fault("state ES lost (2 % of orders)", without_state("ES")),
    Fault("category perfumery lost (3 % of items)", without_category("perfumery")),
    Fault("boleto lost (19 % of orders)", without_payment_type("boleto")),
    Fault(
        "vouchers recorded as credit cards",
        replaced(PAYMENTS, primary_payment_type="replace(primary_payment_type, 'voucher', 'credit_card')"),
    ),
    Fault(
        "prices and freight in another currency (x 3.7)",
        multiplied(ITEMS, "3.7", "price", "freight_value")
        | multiplied(MASTER, "3.7", "total_items_price", "total_freight_value"),
    ),
    Fault(
        "all amounts x 1.2",
        multiplied(ITEMS, "1.2", "price", "freight_value")
        | multiplied(PAYMENTS, "1.2", "total_payment_value")
        | multiplied(MASTER, "1.2", "total_items_price", "total_freight_value", "total_payment_value"),
    ),
    Fault(
        "20 % of orders canceled",
        replaced(PURCHASES, order_status="CASE WHEN hash(order_id) % 5 = 0 THEN 'canceled' ELSE order_status END"),
    ),
    Fault("purchase dates one day late", clock_moved("1 DAY")),
    Fault("review scores inverted", replaced(REVIEWS, review_score="6 - review_score")),
    Fault("comments of reviews lost", replaced(REVIEWS, review_comment_message="NULL")),
    Fault(
        "30 % of categories null",
        replaced(ITEMS, product_category_name="CASE WHEN hash(order_id) % 10 >= 3 THEN product_category_name END"),
    ),
    Fault("installments all 1", replaced(PAYMENTS, max_installments="1")),
    Fault(
        "zip prefixes cut to two digits",
        replaced(CUSTOMERS, customer_zip_code_prefix="left(customer_zip_code_prefix, 2)"),
    ),
    Fault("sellers merged into one", replaced(ITEMS, seller_id="'merged'")),
    Fault(
        "largest seller lost (2 % of items)",
        without(f"seller_id = (SELECT mode(seller_id) FROM main.{ITEMS})", ITEMS),
    ),
    Fault("one order of a hundred repeated 20 times", repeated("hash(order_id) % 100 = 0", 20, *OF_ORDERS)),
    Fault("deliveries 5 days late", replaced(MASTER, delivery_days="delivery_days + 5")),
)
