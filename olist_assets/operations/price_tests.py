"""The list of price tests, and what it rests on, as the role in force sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from olist_assets.contracts.quoting import literal
from olist_assets.decisions.price_tests.analysis import AHEAD, ALL, CATEGORY, CHANGE, PLACEBO, POOLED
from olist_assets.errors import OlistError
from olist_assets.governance.access import rows_of
from olist_assets.lakehouse.warehouse import Warehouse

SHOWN = (
    "rank", "product_id", "seller_id", "product_category_name_english", "step", "price", "new_price",
    "revenue_change", "low", "high", "p_gain", "expected_gain", "weeks_to_test", "offers_to_test", "unit_cost_share",
)  # fmt: skip


@dataclass(frozen=True)
class PriceTests:
    """The allowed tests by rank, the numbers of refused ones by reason, and the estimates behind them.

    `evidence` has the rows of gold_price_elasticities for all offers: the elasticity, the placebo and the evaluation,
    by scope.
    """

    allowed: pa.Table
    refused: dict[str, int]
    evidence: dict[str, dict[str, Any]]


def price_tests(warehouse: Warehouse, categories: Sequence[str], limit: int, role: str | None = None) -> PriceTests:
    """The first `limit` tests of some categories, or of all if none is named.

    Raises OlistError for a category without an elasticity, TableMissing, and what a query of the role raises.
    """
    require_categories(warehouse, categories, role)
    named = ", ".join(map(literal, categories))
    chosen = f"product_category_name_english IN ({named})" if categories else "true"
    allowed = rows_of(
        warehouse,
        f"SELECT {', '.join(SHOWN)} FROM gold_price_scenarios "
        f"WHERE is_allowed AND {chosen} ORDER BY rank LIMIT {limit}",
        role,
    )
    refused = rows_of(
        warehouse,
        "SELECT refused_because, count(*) AS scenarios FROM gold_price_scenarios "
        f"WHERE NOT is_allowed AND {chosen} GROUP BY ALL ORDER BY scenarios DESC, refused_because",
        role,
    )
    evidence = rows_of(
        warehouse,
        "SELECT scope, estimate, low, high FROM gold_price_elasticities "
        f"WHERE scope IN ({literal(POOLED)}, {literal(CHANGE)}) AND name = {literal(ALL)} "
        f"OR scope = {literal(PLACEBO)} AND name = {literal(AHEAD)}",
        role,
    )
    return PriceTests(
        allowed,
        {row["refused_because"]: row["scenarios"] for row in refused.to_pylist()},
        {row["scope"]: row for row in evidence.to_pylist()},
    )


def require_categories(warehouse: Warehouse, names: Sequence[str], role: str | None) -> None:
    """Raises OlistError for a name that is no category with an elasticity."""
    if not names:
        return
    query = f"SELECT name FROM gold_price_elasticities WHERE scope = {literal(CATEGORY)} ORDER BY name"
    known = rows_of(warehouse, query, role)["name"].to_pylist()
    if unknown := [name for name in names if name not in known]:
        raise OlistError(f"No category {', '.join(unknown)}. There are: {', '.join(known) or 'none'}.")
