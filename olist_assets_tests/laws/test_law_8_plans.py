"""Law 8 as a property: a range equals its days.

Whatever days are written in whatever order, with the source changing in between, the tables equal a full rebuild, value
for value. `make test-long` tries a hundred times as many plans as `make test`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.catalog import catalog
from olist_assets.contracts.calendar import PUBLISHED, each_day, spans
from olist_assets.contracts.table import Table
from olist_assets.engine.choice import engine_of
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.write_plan import Span
from olist_assets.gold.gold_daily_metrics import GOLD_DAILY_METRICS, gold_daily_metrics, with_trailing_columns
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.silver.silver_customers import silver_customers
from olist_assets.silver.silver_order_items import silver_order_items
from olist_assets.silver.silver_order_payments import silver_order_payments
from olist_assets.silver.silver_order_reviews import silver_order_reviews
from olist_assets.silver.silver_orders import SILVER_ORDERS, silver_orders
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER, silver_orders_master
from olist_assets.silver.silver_products import silver_products
from olist_assets_tests.rows import frame

# Ends of the calendar, neighbours across a New Year, and days a month and a year before them for the growth.
DAYS = (
    PUBLISHED.first, date(2017, 1, 2), date(2017, 12, 1), date(2017, 12, 31), date(2018, 1, 1), date(2018, 1, 2),
    date(2018, 1, 31), PUBLISHED.last,
)  # fmt: skip
DAILY = (SILVER_ORDERS, SILVER_ORDERS_MASTER, GOLD_DAILY_METRICS)


@dataclass(frozen=True)
class Order:
    """An order in the source."""

    day: int
    customer: int
    price: int
    score: int | None
    is_delivered: bool
    is_copied: bool
    """Whether the source has its record twice, the second time on the next day of DAYS."""


@dataclass(frozen=True)
class Change:
    """A new snapshot, in which the order of this number is replaced or gone."""

    number: int
    order: Order | None


@dataclass(frozen=True)
class Run:
    """A run that writes the days from one of DAYS to another."""

    first: int
    last: int


orders = st.builds(
    Order,
    day=st.integers(0, len(DAYS) - 1),
    customer=st.integers(0, 2),
    price=st.integers(1, 500),
    score=st.none() | st.integers(1, 5),
    is_delivered=st.integers(0, 4).map(bool),
    is_copied=st.integers(0, 4).map(lambda n: n == 0),
)
changes = st.builds(Change, number=st.integers(0, 7), order=st.none() | orders)
runs = st.tuples(*[st.integers(0, len(DAYS) - 1)] * 2).map(lambda ends: Run(min(ends), max(ends)))
plans = st.lists(changes | runs, min_size=2, max_size=6)


@dataclass
class Source:
    """The orders in the source, and the days that have changed since they were last written."""

    orders: dict[int, Order]
    pending: set[date] = field(default_factory=lambda: set(each_day(PUBLISHED.days)))

    def apply(self, change: Change) -> None:
        self.pending |= self._days_of(change.number)
        if change.order:
            self.orders[change.number] = change.order
        else:
            self.orders.pop(change.number, None)
        self.pending |= self._days_of(change.number)

    def _days_of(self, number: int) -> set[date]:
        order = self.orders.get(number)
        return {DAYS[order.day], DAYS[(order.day + 1) % len(DAYS)]} if order else set()

    def bronze(self, spark: SparkSession) -> dict[str, DataFrame]:
        rows: dict[str, list[dict]] = {name: [] for name in ("orders", "customers", "order_items", "order_reviews")}
        for number, order in self.orders.items():
            days = [order.day, (order.day + 1) % len(DAYS)] if order.is_copied else [order.day]
            key = {"order_id": f"o{number}"}
            status = "delivered" if order.is_delivered else "canceled"
            for day in days:
                bought = {"order_purchase_timestamp": f"{DAYS[day]} 10:00:00", "order_status": status}
                rows["orders"].append(key | bought | {"customer_id": f"c{number}"})
            rows["customers"].append({"customer_id": f"c{number}", "customer_unique_id": f"u{order.customer}"})
            rows["order_items"].append(key | {"price": str(Decimal(order.price) / 4), "product_id": "p"})
            if order.score:
                rows["order_reviews"].append(key | {"review_id": f"r{number}", "review_score": str(order.score)})
        frames = {f"bronze_{name}": frame(spark, BRONZE[name], *found) for name, found in rows.items()}
        return frames | {
            "bronze_order_payments": frame(spark, BRONZE["order_payments"]),
            "bronze_products": frame(spark, BRONZE["products"]),
            "bronze_product_category_translation": frame(spark, BRONZE["product_category_translation"]),
        }


class Rerun:
    """Writes the daily tables for a span of days, as a run does."""

    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        self._spark, self._warehouse = spark, Warehouse(settings, catalog())
        self._manager = DeltaIOManager(
            warehouse=self._warehouse,
            engine=engine_of(settings),
            schema_policy=SchemaPolicy(),
            calendar=PUBLISHED,
        )

    def __call__(self, source: Source, first: date, last: date) -> None:
        span = Span("order_date", first, last + timedelta(1))
        source.pending -= set(each_day((first, last)))
        bronze = source.bronze(self._spark)
        self._store(cleaned(bronze), SILVER_ORDERS, span)
        self._store(joined(self._load(SILVER_ORDERS, span), bronze), SILVER_ORDERS_MASTER, span)
        self._store(gold_daily_metrics(PUBLISHED, self._load(SILVER_ORDERS_MASTER, span)), GOLD_DAILY_METRICS, span)

    def _store(self, rows: DataFrame, table: Table, span: Span) -> None:
        self._manager.store(rows, table, span, {"run_id": "plan"})

    def _load(self, table: Table, span: Span) -> DataFrame:
        return self.whole(table).where(span.predicate)

    def whole(self, table: Table) -> DataFrame:
        return self._spark.read.format("delta").load(str(self._warehouse.path(table.name)))


def cleaned(bronze: dict[str, DataFrame]) -> DataFrame:
    """silver_orders of all days."""
    return silver_orders(bronze["bronze_orders"], silver_customers(bronze["bronze_customers"]))


def joined(silver: DataFrame, bronze: dict[str, DataFrame]) -> DataFrame:
    """silver_orders_master of some orders."""
    products = silver_products(bronze["bronze_products"], bronze["bronze_product_category_translation"])
    return silver_orders_master(
        silver,
        silver_customers(bronze["bronze_customers"]),
        silver_order_payments(bronze["bronze_order_payments"]),
        silver_order_items(bronze["bronze_order_items"], products),
        silver_order_reviews(bronze["bronze_order_reviews"]),
    )


def rebuilt(source: Source, spark: SparkSession) -> dict[str, DataFrame]:
    """The daily tables computed at once from the source as it is at the end."""
    bronze = source.bronze(spark)
    silver = cleaned(bronze)
    master = joined(silver, bronze)
    days = with_trailing_columns(gold_daily_metrics(PUBLISHED, master), PUBLISHED.first)
    return {"silver_orders": silver, "silver_orders_master": master, "gold_daily_metrics": days}


def sorted_rows(rows: DataFrame, table: Table) -> list[str]:
    return sorted(map(repr, rows.select(*table.column_names).collect()))


@pytest.fixture(scope="module")
def empty_warehouse(tmp_path_factory, sample) -> Callable[[], Settings]:
    """Settings of a new warehouse, for each plan another one."""
    return lambda: Settings(data=sample, warehouse=str(tmp_path_factory.mktemp("plan")))


@given(first=st.dictionaries(st.integers(0, 7), orders, max_size=8), plan=plans, data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_plan_of_days_with_a_changing_source_equals_a_full_rebuild(spark, empty_warehouse, first, plan, data):
    source, rerun = Source(dict(first)), Rerun(spark, empty_warehouse())
    for step in plan:
        if isinstance(step, Change):
            source.apply(step)
        else:
            rerun(source, DAYS[step.first], DAYS[step.last])
    # What changed, or was never written, is written at the end, in any order.
    for days in data.draw(st.permutations(spans(source.pending))):
        rerun(source, *days)
    for name, expected in rebuilt(source, spark).items():
        (table,) = (t for t in DAILY if t.name == name)
        assert sorted_rows(rerun.whole(table), table) == sorted_rows(expected, table), name


def test_the_comparison_sees_a_day_that_was_not_rerun(spark, empty_warehouse):
    order = Order(day=4, customer=0, price=100, score=5, is_delivered=True, is_copied=False)
    source, rerun = Source({0: order}), Rerun(spark, empty_warehouse())
    rerun(source, *PUBLISHED.days)
    source.apply(Change(0, replace(order, price=101)))
    assert source.pending == {DAYS[4], DAYS[5]}
    expected = rebuilt(source, spark)["gold_daily_metrics"]
    assert sorted_rows(rerun.whole(GOLD_DAILY_METRICS), GOLD_DAILY_METRICS) != sorted_rows(expected, GOLD_DAILY_METRICS)
