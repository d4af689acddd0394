"""gold_customer_churn_predictions: each customer's churn score, and the probability that they do not come back."""

from pyspark.sql import Column as Expr
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import ForeignKey, Rule
from olist_assets.contracts.table import Column, Table
from olist_assets.gold.gold_customer_metrics import EACH_BUYER_ONCE
from olist_assets.ml import churn_model as churn
from olist_assets.ml.repurchase_features import KEY, customers_at_cutoff
from olist_assets.mlops.registry import Champion

RISKS = {"High Risk": 0.2, "Medium Risk": 0.5, "Low Risk": 1.0}
_shares = " UNION ALL ".join(
    f"SELECT '{name}' AS name, {upto} - {above} AS share"
    for (name, upto), above in zip(RISKS.items(), (0, *RISKS.values()), strict=False)
)

GOLD_CUSTOMER_CHURN_PREDICTIONS = Table(
    name="gold_customer_churn_predictions",
    in_layer="ml",
    description=(
        "`churn_probability` is the classic score, whose label is a function of recency; "
        "`no_repurchase_probability` looks ahead: no order in the 90 days after the reference date."
    ),
    grain="One row per customer (customer_unique_id) with a delivered order.",
    key=("customer_unique_id",),
    columns=(
        Column("customer_unique_id", "string", "Identifier of the customer, the same in all their orders.", pii="hash"),
        Column(
            "is_churned",
            "int",
            "1 if the last delivered order is more than 90 days before the reference date, else 0.",
            minimum=0,
            maximum=1,
        ),
        Column(
            "churn_probability",
            "double",
            "Probability that is_churned is 1, by churn_model.",
            minimum=0,
            maximum=1,
        ),
        Column("churn_prediction", "int", "1 if churn_probability is above 0.5, else 0.", minimum=0, maximum=1),
        Column(
            "churn_percentile",
            "double",
            "Rank of the customer by churn_probability: 0 is the highest probability, 1 the lowest.",
            minimum=0,
            maximum=1,
        ),
        Column(
            "churn_risk_category",
            "string",
            "Risk by churn_percentile: high up to 0.2, medium up to 0.5, low above.",
            accepted=tuple(RISKS),
        ),
        Column(
            "no_repurchase_probability",
            "double",
            "Probability of no order in the 90 days after the reference date, by repurchase_model.",
            minimum=0,
            maximum=1,
        ),
        Column("model_version", "string", "Versions of the two models that scored the customer."),
        Column("scored_at", "timestamp", "Time at which the customer was scored.", is_volatile=True),
    ),
    foreign_keys=(ForeignKey("customer_unique_id", "gold_customer_metrics", "customer_unique_id"),),
    row_counts=(EACH_BUYER_ONCE,),
    rules=(
        Rule(
            "churn_percentile_covers_0_to_1",
            "SELECT count(*) FROM (SELECT min(churn_percentile) low, max(churn_percentile) high, count(*) n "
            "FROM {table}) WHERE low <> 0 OR (n > 1 AND high <> 1)",
            "The lowest percentile is 0, and the highest is 1.",
        ),
        Rule(
            "risk_shares_are_20_30_50",
            f"SELECT count(*) FROM ({_shares}) s WHERE abs(s.share * (SELECT count(*) FROM {{table}}) - "
            "(SELECT count(*) FROM {table} WHERE churn_risk_category = s.name)) > 1",
            "20, 30 and 50 % of the customers have a high, medium and low risk, to within one customer.",
        ),
    ),
    scores=("churn_probability", "no_repurchase_probability"),
)


@table_asset(GOLD_CUSTOMER_CHURN_PREDICTIONS)
def gold_customer_churn_predictions(
    gold_customer_metrics: DataFrame,
    silver_orders_master: DataFrame,
    silver_order_reviews: DataFrame,
    churn_model_champion: Champion,
    repurchase_model_champion: Champion,
) -> DataFrame:
    """The scores of both champions for each customer, as of the reference date of gold_customer_metrics."""
    churned = churn_model_champion.score(churn.labelled(gold_customer_metrics)).select(
        KEY,
        churn.LABEL,
        F.col("probability").alias("churn_probability"),
        F.col("prediction").alias("churn_prediction"),
    )
    versions = f"churn_model {churn_model_champion.version}, repurchase_model {repurchase_model_champion.version}"
    orders = silver_orders_master.crossJoin(F.broadcast(cutoff(gold_customer_metrics)))
    ahead = repurchase_model_champion.score(customers_at_cutoff(orders, silver_order_reviews)).select(
        KEY, F.col("probability").alias("no_repurchase_probability")
    )
    # One row per customer on both sides: those with an order up to the reference date.
    scored = with_risk(churned.join(ahead, on=KEY, how="inner")).withColumns(
        {
            "model_version": F.lit(versions),
            "scored_at": F.current_timestamp(),
        }
    )
    return scored.select(*GOLD_CUSTOMER_CHURN_PREDICTIONS.column_names)


def cutoff(customers: DataFrame) -> DataFrame:
    """One row: `cutoff`, the day after the reference date of the customers' recency."""
    reference = F.max(F.date_add("last_order_date", F.col("recency_days")))
    return customers.agg(F.date_add(reference, 1).alias("cutoff"))


def with_risk(customers: DataFrame) -> DataFrame:
    """Customers with `churn_percentile` and `churn_risk_category`; equal probabilities are ordered by customer."""
    ranked = Window.orderBy(F.desc("churn_probability"), KEY)
    return customers.withColumn("churn_percentile", F.percent_rank().over(ranked)).withColumn(
        "churn_risk_category", risk(F.col("churn_percentile"))
    )


def risk(percentile: Expr) -> Expr:
    """The risk category of a percentile."""
    (high, high_to), (medium, medium_to), (low, _) = RISKS.items()
    return F.when(percentile <= high_to, high).when(percentile <= medium_to, medium).otherwise(low)
