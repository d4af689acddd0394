"""Faults that silver repairs or rejects: the tables are those of the clean sample."""

import pytest

from olist_assets.catalog import catalog
from olist_assets.operations.platform import Platform
from olist_assets_tests.cases.inputs import CLEANED, columns, value, with_rows
from olist_assets_tests.conftest import make, settings_in
from olist_assets_tests.rows import stored_rows

CLEAN_TABLES = [
    name
    for name, table in catalog().tables.items()
    if name != "silver_rejects"
    and (table.layer == "silver" or name in ("gold_geographic_metrics", "gold_product_metrics"))
]


def made(sample, folder, variant, *names: str) -> Platform:
    """Bronze, the rejects and these tables of a variant."""
    variant(sample, folder / "data")
    platform = Platform(settings_in(folder, folder / "data"))
    assert make(platform, ",".join(["group:bronze", "silver_rejects", *names])).succeeded
    return platform


def rejects(platform: Platform) -> set[tuple[str, str]]:
    rows = platform.warehouse.open("silver_rejects").to_pyarrow_table()
    return set(zip(rows["table"].to_pylist(), rows["reason"].to_pylist(), strict=True))


LONG = pytest.mark.cases  # ten seconds each: the gate has one of each kind


@pytest.mark.parametrize(
    "name", [name if name == "repeated headers" else pytest.param(name, marks=LONG) for name in CLEANED]
)
def test_the_tables_are_those_of_the_clean_sample(finished, sample, tmp_path, name):
    variant, expected = CLEANED[name]
    platform = made(sample, tmp_path, variant, *CLEAN_TABLES)
    assert rejects(platform) == expected
    for table in CLEAN_TABLES:
        assert stored_rows(platform.warehouse, table) == stored_rows(finished.warehouse, table), table


@pytest.mark.parametrize("year", [pytest.param("1017", marks=LONG), "20017", pytest.param("2107", marks=LONG)])
def test_an_implausible_time_rejects_its_order_and_leaves_the_days_as_they_are(finished, sample, tmp_path, year):
    variant = with_rows(value(5, "order_purchase_timestamp", f"{year}-10-02 10:56:33"), "orders")
    platform = made(sample, tmp_path, variant, "silver_customers", "silver_purchases", "silver_orders")
    assert rejects(platform) == {("bronze_orders", "out_of_range")}
    assert platform.calendar == finished.platform.calendar


def test_null_words_become_rejects_and_no_category(sample, tmp_path):
    names = ("product_category_name", "product_weight_g")
    variant = with_rows(columns("products", lambda text: text or "NaN", *names), "products")
    platform = made(sample, tmp_path, variant, "silver_products")
    assert rejects(platform) == {("bronze_products", "null_word")}
    categories = platform.warehouse.open("silver_products").to_pyarrow_table()["product_category_name_english"]
    assert "NaN" not in categories.to_pylist()
