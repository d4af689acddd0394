"""A contract's suites on stored tables: the verdicts of Great Expectations and of the checks agree, one by one."""

import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.catalog import catalog
from olist_assets.checks.assembly import evaluate
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.gold.gold_daily_metrics import GOLD_DAILY_METRICS
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.operations.expectation_suites import suites_of
from olist_assets.operations.expectations import Report, expectations
from olist_assets.operations.platform import Platform
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets.silver.silver_products import SILVER_PRODUCTS
from olist_assets.silver.silver_purchases import SILVER_PURCHASES
from olist_assets.silver.silver_sellers import SILVER_SELLERS
from olist_assets_tests.conftest import FinishedRun, needs_gx
from olist_assets_tests.rows import arrow_rows, store

pytestmark = [pytest.mark.gx, needs_gx]
ORDER = {"order_id": "a", "customer_id": "c", "order_status": "delivered"}
ITEM = {"order_id": "a", "order_item_id": 1, "product_id": "p", "seller_id": "s"}
PRODUCT, SELLER, DAY = {"product_id": "p"}, {"seller_id": "s", "seller_state": "SP"}, {"revenue": 1}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The addresses that the test asked for; no connection is made."""
    asked: list[object] = []

    def refuse(*words: object, **_: object) -> None:
        asked.append(words)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return asked


@pytest.fixture
def stored(platform: Platform) -> Platform:
    """A valid row in each table of the cases below, and what their foreign keys refer to."""
    warehouse = platform.warehouse
    store(warehouse, SILVER_CUSTOMERS, {"customer_id": "c"})
    store(warehouse, SILVER_PURCHASES, ORDER)
    store(warehouse, SILVER_PRODUCTS, PRODUCT)
    store(warehouse, SILVER_SELLERS, SELLER)
    store(warehouse, SILVER_ORDERS, ORDER)
    store(warehouse, SILVER_ORDER_ITEMS, ITEM)
    return platform


@dataclass(frozen=True)
class Broken:
    """A table that one check must refuse: rows, or what is done to the columns of a valid row."""

    table: Table
    check: str
    rows: tuple[dict, ...] = ()
    schema: Callable[[pa.Schema], pa.Schema] | None = None

    def write(self, platform: Platform) -> None:
        path = platform.warehouse.path(self.table.name)
        shutil.rmtree(path, ignore_errors=True)
        if self.schema is None:
            loose = pa.schema([field.with_nullable(True) for field in arrow_schema(self.table)])
            rows = arrow_rows(self.table, *self.rows).cast(loose)
            write_deltalake(path, rows)
            return
        changed = self.schema(arrow_schema(self.table))
        valid = arrow_rows(self.table, ORDER).to_pylist()
        write_deltalake(path, pa.Table.from_pylist(valid, changed))


def changed(name: str, change: Callable[[pa.Field], pa.Field]) -> Callable[[pa.Schema], pa.Schema]:
    return lambda schema: pa.schema([change(field) if field.name == name else field for field in schema])


SCHEMA = "schema_matches_contract"
BROKEN = {
    "column lost": Broken(
        SILVER_ORDERS, SCHEMA, schema=lambda s: pa.schema([f for f in s if f.name != "order_approved_at"])
    ),
    "column added": Broken(SILVER_ORDERS, SCHEMA, schema=lambda s: s.append(pa.field("surplus", pa.string()))),
    "columns in another order": Broken(SILVER_ORDERS, SCHEMA, schema=lambda s: pa.schema([*s][1:] + [*s][:1])),
    "wider type": Broken(
        SILVER_ORDERS, SCHEMA, schema=changed("delivery_days", lambda field: field.with_type(pa.int64()))
    ),
    "nulls allowed": Broken(SILVER_ORDERS, SCHEMA, schema=changed("order_id", lambda field: field.with_nullable(True))),
    "null": Broken(SILVER_ORDERS, "required_columns_have_no_nulls", (ORDER | {"order_status": None},)),
    "no rows": Broken(SILVER_ORDERS, "row_count_is_positive"),
    "key twice": Broken(SILVER_ORDERS, "order_id_is_unique", (ORDER, ORDER)),
    "key of two columns twice": Broken(SILVER_ORDER_ITEMS, "order_id_and_order_item_id_are_unique", (ITEM, ITEM)),
    "key of two columns twice, with a null": Broken(
        SILVER_ORDER_ITEMS, "order_id_and_order_item_id_are_unique", (ITEM | {"order_item_id": None},) * 2
    ),
    "below the minimum": Broken(SILVER_ORDERS, "delivery_days_is_in_range", (ORDER | {"delivery_days": -1},)),
    "above the maximum": Broken(SILVER_ORDERS, "delivery_delay_is_in_range", (ORDER | {"delivery_delay": 1001},)),
    "below a minimum of money": Broken(SILVER_ORDER_ITEMS, "price_is_in_range", (ITEM | {"price": Decimal("-0.01")},)),
    "unknown value": Broken(SILVER_ORDERS, "order_status_is_accepted", (ORDER | {"order_status": "shipped"},)),
    "unknown reference": Broken(
        SILVER_ORDERS, "customer_id_exists_in_silver_customers", (ORDER, ORDER | {"order_id": "b", "customer_id": "x"})
    ),
    "unknown reference, beside a known one": Broken(
        SILVER_ORDER_ITEMS, "seller_id_exists_in_silver_sellers", (ITEM | {"seller_id": "x"},)
    ),
    "another number of rows": Broken(GOLD_DAILY_METRICS, "no_day_before_the_last_is_missing", (DAY,)),
    "another number of records": Broken(BRONZE["sellers"], "row_count_matches_file", ({},)),
    "record that does not parse": Broken(BRONZE["sellers"], "records_parse", ({"_corrupt_record": "a,b"},)),
    "word for a missing value": Broken(
        BRONZE["sellers"], "missing_values_are_empty", ({"seller_city": "\N{NO-BREAK SPACE}N/A "},)
    ),
    "short zip prefix": Broken(
        BRONZE["sellers"], "zip_prefixes_have_five_digits", ({"seller_zip_code_prefix": " 1310"},)
    ),
}


def both(platform: Platform, table: Table) -> tuple[dict[str, bool], dict[str, bool]]:
    """Our verdicts and those of GX, by the name of the check."""
    checks = suites_of(table, platform.catalog.tables).checks
    ours = evaluate(platform.warehouse, platform.calendar, table, [*checks.values()])
    return {str(result.check_name): result.passed for result in ours}, met(expectations(platform, table.name))


def met(report: Report) -> dict[str, bool]:
    return {outcome.check.name: outcome.met for outcome in report.outcomes}


@pytest.mark.parametrize("name", catalog().business_tables)
def test_both_verdicts_agree_on_a_finished_table(finished: FinishedRun, name: str):
    ours, theirs = both(finished.platform, catalog().tables[name])
    assert theirs == ours
    assert all(ours.values())


@pytest.mark.parametrize("fault", BROKEN)
def test_both_verdicts_agree_on_a_broken_table(stored: Platform, fault: str):
    broken = BROKEN[fault]
    broken.write(stored)
    ours, theirs = both(stored, broken.table)
    assert theirs == ours
    assert not theirs[broken.check]


def test_a_repeated_null_in_a_key_of_one_column_is_a_null_for_one_and_also_a_duplicate_for_the_other(stored: Platform):
    nulls = (ORDER | {"order_id": None},) * 2
    Broken(SILVER_ORDERS, "order_id_is_unique", nulls).write(stored)
    ours, theirs = both(stored, SILVER_ORDERS)
    assert {name for name in ours if ours[name] != theirs[name]} == {"order_id_is_unique"}
    assert not theirs["required_columns_have_no_nulls"]


def test_a_check_that_reads_a_table_which_does_not_exist_is_not_met_and_names_it(platform: Platform):
    store(platform.warehouse, SILVER_ORDERS, ORDER)
    ours, theirs = both(platform, SILVER_ORDERS)
    assert theirs == ours
    problems = [problem for outcome in expectations(platform, "silver_orders").outcomes for problem in outcome.problems]
    assert problems == ["silver_customers does not exist yet"]


def test_a_referenced_table_without_the_referenced_column_is_a_message(stored: Platform):
    shutil.rmtree(stored.warehouse.path("silver_customers"))
    write_deltalake(str(stored.warehouse.path("silver_customers")), pa.table({"other": ["c"]}))
    with pytest.raises(OlistError, match=r"The rows of silver_orders cannot be read: .*customer_id"):
        expectations(stored, "silver_orders")


def test_new_columns_of_a_source_are_no_difference(platform: Platform):
    more = arrow_schema(BRONZE["sellers"]).append(pa.field("surplus", pa.string()))
    write_deltalake(str(platform.warehouse.path("bronze_sellers")), more.empty_table())
    ours, theirs = both(platform, BRONZE["sellers"])
    assert theirs == ours
    assert theirs["schema_matches_contract"]


def test_the_command_says_what_is_not_met_and_writes_data_docs_where_asked_without_a_connection(
    olist, stored: Platform, no_network: list[object], tmp_path: Path
):
    docs = tmp_path / "site" / "docs"
    code, text = olist("expectations", "silver_order_items", "--docs", str(docs))
    assert (code, "✗" in text, "Not expressible: nothing_is_lost" in text) == (0, False, False), text
    assert "Not expressible: item_revenue_matches_bronze" in text
    (docs / "own.txt").write_text("")
    store(stored.warehouse, SILVER_ORDER_ITEMS, ITEM | {"product_id": "nowhere", "price": Decimal("-1.00")})
    code, text = olist("expectations", "silver_order_items", "--docs", str(docs))
    assert code == 1
    assert "! price_is_in_range\n    expect_column_values_to_be_between (price): 1 unexpected: -1.00\n" in text
    index = (docs / "index.html").read_text()
    assert "silver_order_items" in index
    assert "silver_order_items.schema" in index
    # A page per suite and one per result; those of the first run are replaced.
    assert len([*docs.rglob("expectations/**/*.html")]) == 2
    assert len([*docs.rglob("validations/**/*.html")]) == 2
    assert (docs / "own.txt").exists()
    assert no_network == []


def test_data_docs_show_values_but_none_of_a_table_with_personal_data(stored: Platform, tmp_path: Path):
    store(stored.warehouse, SILVER_ORDERS, ORDER | {"order_status": "unusual", "customer_id": "someone"})
    store(stored.warehouse, SILVER_SELLERS, SELLER | {"seller_state": "elsewhere"})
    for name in ("silver_orders", "silver_sellers"):
        expectations(stored, name, tmp_path / name)
    pages = {
        name: "".join(page.read_text() for page in (tmp_path / name).rglob("validations/**/*.html"))
        for name in ("silver_orders", "silver_sellers")
    }
    assert "elsewhere" in pages["silver_sellers"]
    assert "order_status" in pages["silver_orders"]
    assert not {word for word in ("unusual", "someone") if word in pages["silver_orders"]}


def test_wrong_use_is_a_message(olist, stored: Platform, tmp_path: Path):
    occupied = tmp_path / "occupied"
    occupied.write_text("")
    for words, message in (
        (("nothing",), "There is no table 'nothing'"),
        (("gold_daily_metrics",), "Table gold_daily_metrics does not exist yet"),
        (("silver_sellers", "--docs", str(occupied / "docs")), "Cannot write Data Docs"),
    ):
        code, text = olist("expectations", *words)
        assert (code, message in text) == (2, True), text
