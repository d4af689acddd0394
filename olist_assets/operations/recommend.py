"""`olist recommend`: the stored recommendations for a product, a customer or a state, as a role sees them."""

from collections.abc import Sequence

import pyarrow as pa

from olist_assets.contracts.quoting import literal
from olist_assets.decisions.recommendations.product_lists import LENGTH
from olist_assets.errors import OlistError
from olist_assets.governance.access import rows_of
from olist_assets.lakehouse.warehouse import Warehouse

# Products that a beginning of an id may stand for before the error stops naming them.
MAX_NAMED = 5


def for_product(warehouse: Warehouse, given: str, role: str | None = None) -> pa.Table:
    """The list of the product with this id, or of the only one whose id begins so. Raises OlistError."""
    is_it = f"product_id = {literal(given)}"
    rows = rows_of(
        warehouse,
        f"""
        SELECT product_id, rank, recommended_product_id, reason, pairs_seen, price_ratio, score
        FROM gold_product_recommendations
        WHERE {is_it} OR starts_with(product_id, {literal(given)})
        ORDER BY {is_it} DESC, product_id, rank LIMIT {(MAX_NAMED + 1) * LENGTH}
        """,
        role,
    )
    found = rows["product_id"].unique().to_pylist()
    if not found:
        examples = rows_of(
            warehouse,
            f"SELECT DISTINCT product_id FROM gold_product_recommendations ORDER BY product_id LIMIT {MAX_NAMED}",
            role,
        )
        named = _named("Some that have", examples)
        raise OlistError(f"No product whose id begins with {given!r} has recommendations. {named}")
    if len(found) > 1 and given not in found:
        named = ", ".join(found[:MAX_NAMED]) + (" and more" if len(found) > MAX_NAMED else "")
        raise OlistError(f"{given!r} is the beginning of several products' ids: {named}. Give more characters.")
    return rows.slice(0, rows["product_id"].to_pylist().count(found[0]))


def for_customer(warehouse: Warehouse, given: str, role: str | None = None) -> pa.Table:
    """The next categories of the customer with this `customer_unique_id`. Raises OlistError."""
    rows = rows_of(
        warehouse,
        f"""
        SELECT rank, product_category_name_english, reason, last_order_date
        FROM gold_next_category WHERE customer_unique_id = {literal(given)} ORDER BY rank
        """,
        role,
    )
    if not rows.num_rows:
        raise OlistError(
            f"No customer has the customer_unique_id {given!r} and an ordered item. A role that is masked knows "
            "customers by the tokens that it sees. What a state's customers order: olist recommend --state SP"
        )
    return rows


def for_state(warehouse: Warehouse, given: str, role: str | None = None) -> pa.Table:
    """The popular products of a state. Raises OlistError with the known states."""
    rows = rows_of(
        warehouse,
        f"""
        SELECT rank, product_id, product_category_name_english, orders
        FROM gold_state_popular WHERE customer_state = {literal(given.upper())} ORDER BY rank
        """,
        role,
    )
    if not rows.num_rows:
        states = rows_of(
            warehouse, "SELECT DISTINCT customer_state FROM gold_state_popular ORDER BY customer_state", role
        )
        raise OlistError(f"Nothing was sold lately in a state {given!r}. {_named('There are', states)}")
    return rows


def _named(words: str, rows: pa.Table) -> str:
    names: Sequence[str] = rows.column(0).to_pylist()
    return f"{words}: {', '.join(names)}." if names else "There are none yet."
