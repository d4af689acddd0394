"""Other features for the repurchase model: AUC-ROC of logistic regressions, tested at three cutoffs.

    olist materialize --select silver_orders_master,silver_order_items --upstream && python -m bench.repurchase_features

No JVM: DuckDB computes the features from the tables in OLIST_WAREHOUSE, and the regressions are scikit-learn's.
"""

from datetime import date, timedelta

import click
import duckdb
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings

HORIZON = timedelta(90)
TESTED_AT = (date(2018, 3, 2), date(2018, 5, 31), date(2017, 12, 2))
TABLES = ("silver_orders_master", "silver_order_items", "silver_order_reviews")

CUSTOMERS = """
WITH reviews AS (
    SELECT order_id, avg(review_score) AS score FROM (SELECT unnest(order_ids) AS order_id, * FROM silver_order_reviews)
    WHERE review_answer_timestamp < $cutoff GROUP BY 1
), categories AS (
    SELECT order_id, min_by(product_category_name_english, order_item_id) AS category FROM silver_order_items GROUP BY 1
), known AS (
    SELECT *, if(order_delivered_customer_date < $cutoff, delivery_days, NULL) AS days_known,
        if(order_delivered_customer_date < $cutoff, delivery_delay, NULL) AS delay_known
    FROM silver_orders_master LEFT JOIN reviews USING (order_id) LEFT JOIN categories USING (order_id)
    WHERE order_date < $cutoff
), later AS (
    SELECT DISTINCT customer_unique_id FROM silver_orders_master
    WHERE order_date >= $cutoff AND order_date < $horizon_end
)
SELECT
    $cutoff - max(order_date) AS recency, count(*) AS frequency, sum(order_total_value)::DOUBLE AS monetary,
    $cutoff - min(order_date) AS tenure, sum(items_count) AS items,
    max(max_installments) AS installments, avg(days_known) AS delivery_days, avg(delay_known) AS delivery_delay,
    avg(score) AS review, max(score IS NOT NULL)::INT AS has_review,
    (sum(total_freight_value) / nullif(sum(total_items_price), 0))::DOUBLE AS freight_share,
    sum(sellers_count) AS sellers,
    min_by(category, order_purchase_timestamp) AS category, max_by(customer_state, order_purchase_timestamp) AS state,
    max_by(primary_payment_type, order_purchase_timestamp) AS payment,
    month(max(order_date))::VARCHAR AS month, dayofweek(max(order_date))::VARCHAR AS weekday,
    hour(max(order_purchase_timestamp))::VARCHAR AS hour,
    max(customer_unique_id IN (FROM later))::INT AS buys_again
FROM known GROUP BY customer_unique_id ORDER BY customer_unique_id
"""

BASE = ["recency", "frequency", "monetary", "tenure", "items"]
KNOWN = [*BASE, "installments", "delivery_days", "delivery_delay", "review", "has_review"]
FEATURES = {
    "recency": BASE[:1],
    "base: recency, frequency, value, tenure, items": BASE,
    "model: base, installments, delivery, review": KNOWN,
    "model and freight share": [*KNOWN, "freight_share"],
    "model and sellers": [*KNOWN, "sellers"],
    "base and category of the first order": [*BASE, "category"],
    "base and state": [*BASE, "state"],
    "base and payment type": [*BASE, "payment"],
    "base and month, weekday, hour of the last order": [*BASE, "month", "weekday", "hour"],
}


@click.command()
def main() -> None:
    """Print one line per set of features, and one for gradient boosting on the model's features."""
    warehouse = Warehouse(Settings(), catalog())
    with warehouse.sql({name: warehouse.open(name) for name in TABLES}) as con:
        known = {cutoff: customers(con, cutoff) for test in TESTED_AT for cutoff in (test - HORIZON, test)}
    click.echo(f"{'AUC-ROC, trained 90 days before each cutoff':<54}" + "".join(f"{test!s:>12}" for test in TESTED_AT))
    for name, columns in FEATURES.items():
        click.echo(f"{name:<54}" + aucs(known, columns, LogisticRegression(max_iter=1000)))
    boosting = "gradient boosting on the model's features"
    click.echo(f"{boosting:<54}" + aucs(known, KNOWN, HistGradientBoostingClassifier()))


def customers(con: duckdb.DuckDBPyConnection, cutoff: date) -> pd.DataFrame:
    """One row per customer with an order before the cutoff: what was known then, and `buys_again`."""
    return con.execute(CUSTOMERS, {"cutoff": cutoff, "horizon_end": cutoff + HORIZON}).df()


def aucs(
    known: dict[date, pd.DataFrame], columns: list[str], classifier: LogisticRegression | HistGradientBoostingClassifier
) -> str:
    """AUC-ROC at each cutoff of a classifier trained one horizon before it, as the rest of a line."""
    found = []
    for test in TESTED_AT:
        train, tested = known[test - HORIZON], known[test]
        fitted = prepared(classifier).fit(train[columns], train["buys_again"])
        found.append(roc_auc_score(tested["buys_again"], fitted.predict_proba(tested[columns])[:, 1]))
    return "".join(f"{auc:>12.3f}" for auc in found)


def prepared(classifier: LogisticRegression | HistGradientBoostingClassifier):
    """The classifier after imputed medians, scaled numbers, and one column per frequent category."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=200, sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),  # pyright: ignore[reportArgumentType]
        (words, make_column_selector(dtype_exclude="number")),  # pyright: ignore[reportArgumentType]
    )
    return make_pipeline(columns, classifier)


if __name__ == "__main__":
    main()
