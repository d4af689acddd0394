"""Queries of the Recommendations tab."""

import pandas as pd

from olist_assets.dashboard.data import answer
from olist_assets.decisions.recommendations.evaluation import TOGETHER_NAME

MAX_OFFERED = 200


def products() -> list[str]:
    """Products whose list begins with another one that was bought with them, the most often first."""
    found = answer(
        "SELECT product_id FROM gold_product_recommendations WHERE rank = 1 "
        "ORDER BY pairs_seen DESC, product_id LIMIT $offered",
        offered=MAX_OFFERED,
    )
    return list(found["product_id"])


def product_list(product: str) -> pd.DataFrame:
    """The list of the product with this id, or of the first one whose id begins so; without rows if there is none."""
    return answer(
        """
        WITH asked AS (
            SELECT min(product_id) AS product_id FROM gold_product_recommendations
            WHERE starts_with(product_id, $product)
        )
        SELECT l.product_id, l.rank, l.recommended_product_id, p.product_category_name_english AS category, l.reason,
            l.pairs_seen, l.price_ratio
        FROM gold_product_recommendations l
        JOIN asked USING (product_id)
        JOIN silver_products p ON p.product_id = l.recommended_product_id
        ORDER BY l.rank
        """,
        product=product,
    )


def reasons() -> pd.DataFrame:
    """Share of all places of the lists by reason."""
    return answer(
        "SELECT reason, count(*) / sum(count(*)) OVER () AS share FROM gold_product_recommendations "
        "GROUP BY reason ORDER BY share DESC, reason"
    )


def states() -> list[str]:
    """States with popular products."""
    return list(
        answer("SELECT DISTINCT customer_state FROM gold_state_popular ORDER BY customer_state")["customer_state"]
    )


def state_list(state: str) -> pd.DataFrame:
    """The popular products of a state."""
    return answer(
        "SELECT rank, product_id, product_category_name_english AS category, orders FROM gold_state_popular "
        "WHERE customer_state = $state ORDER BY rank",
        state=state,
    )


def customer_list(customer: str) -> pd.DataFrame:
    """The next categories of a customer, by the id or token that the role sees."""
    return answer(
        "SELECT rank, product_category_name_english AS category, reason, last_order_date FROM gold_next_category "
        "WHERE customer_unique_id = $customer ORDER BY rank",
        customer=customer,
    )


def overall() -> pd.DataFrame:
    """The metrics of the last months together."""
    return answer(
        "SELECT model, metric, value, low, high, queries FROM gold_recommender_evaluation "
        f"WHERE month = '{TOGETHER_NAME}' ORDER BY metric, model"
    )


def months(metric: str) -> pd.DataFrame:
    """A metric of the rules and their baselines in each month, without the gains."""
    return answer(
        "SELECT model, month, value, low, high, queries FROM gold_recommender_evaluation "
        f"WHERE metric = $metric AND month <> '{TOGETHER_NAME}' AND model NOT LIKE '%_minus_%' ORDER BY month, model",
        metric=metric,
    )
