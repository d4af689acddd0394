"""Writes a synthetic Olist dataset: nine CSV files with the published files' shape, for any size."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from olist_assets.sample_data import baskets, catalog, dirt
from olist_assets.sample_data.files import FILES, TableFile, foreign_files, store_digests
from olist_assets.sample_data.orders import customer_columns, order_columns, order_ids, orders_of
from olist_assets.sample_data.places import Places, places
from olist_assets.sample_data.reviews import review_columns
from olist_assets.sample_data.streams import ids

MIN_SCALE, MAX_SCALE = 0.01, 100.0
ORDERS_AT_SCALE_1 = 99_441
PRODUCTS_AT_SCALE_1 = 32_951
SELLERS_AT_SCALE_1 = 3_095
_MIN_PRODUCTS = 200
_MIN_SELLERS = 40
_ZIPS_PER_CHUNK = 5_000

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class SampleSummary:
    """Records written per table, and the broken ones among them per (bronze table, reject reason)."""

    rows: dict[str, int]
    injected: dict[tuple[str, str], int]


@dataclass(frozen=True)
class _Plan:
    seed: int
    orders: int
    shop: baskets.Shop
    where: Places


class _Output:
    """The nine files being written; reports the progress."""

    def __init__(self, directory: Path, stack: ExitStack, on_progress: Progress | None) -> None:
        self.files: dict[str, TableFile] = {}
        self._directory, self._on_progress = directory, on_progress
        for table in FILES:
            self.files[table] = TableFile(directory, table)
            stack.callback(self.files[table].discard)

    def add(self, table: str, columns: list[list[str]]) -> None:
        """Append records and report their number so far."""
        self.files[table].write_columns(columns)
        if self._on_progress is not None:
            self._on_progress(table, self.files[table].rows)

    def publish(self) -> None:
        """Give all files their final names, once all are complete."""
        for file in self.files.values():
            file.close()
        # First, so that an interruption leaves files that count as foreign and never the opposite.
        store_digests(self._directory, self.files.values())
        for file in self.files.values():
            file.publish()


def write_sample(
    directory: Path,
    *,
    scale: float = 1.0,
    seed: int = 42,
    dirty: bool = False,
    force: bool = False,
    on_progress: Progress | None = None,
) -> SampleSummary:
    """Write the nine files into `directory`, replacing an earlier sample; with `force` any of the dataset's files.

    Scale 1 is 99,441 orders, as published; the same scale, seed and `dirty` give the same bytes. A dirty sample ends
    with records that the silver layer must reject. `on_progress` is called with a table and its number of records so
    far. Raises ValueError for a scale outside 0.01..100, and if `directory` has files that are not an earlier sample.
    """
    if not MIN_SCALE <= scale <= MAX_SCALE:
        raise ValueError(f"scale must be between {MIN_SCALE} and {MAX_SCALE:g}, not {scale}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed}")
    directory.mkdir(parents=True, exist_ok=True)
    _refuse_other_files(directory)
    if not force:
        _refuse_foreign_files(directory)
    plan = _plan(seed, scale)
    injected: dict[tuple[str, str], int] = {}
    with ExitStack() as stack:
        output = _Output(directory, stack, on_progress)
        _write_catalog(output, plan)
        per_kind = dirt.per_kind(scale) if dirty else 0
        examples = _write_orders(output, plan, dirt.Examples(wanted=dirt.FRESH_KINDS * per_kind))
        if dirty:
            injected = _write_dirt(output, plan, examples, per_kind)
        output.publish()
        return SampleSummary({table: file.rows for table, file in output.files.items()}, injected)


def _refuse_other_files(directory: Path) -> None:
    others = sorted({path.name for path in directory.glob("*.csv")} - set(FILES.values()))
    if others:
        raise ValueError(f"{directory} has other CSV files ({', '.join(others)}): choose an empty directory")


def _refuse_foreign_files(directory: Path) -> None:
    if foreign := foreign_files(directory):
        raise ValueError(
            f"{directory} has files that are not an unchanged sample ({', '.join(foreign)}): choose another directory, "
            "or replace them with --force"
        )


def _plan(seed: int, scale: float) -> _Plan:
    shop = baskets.Shop(
        products=max(_MIN_PRODUCTS, round(PRODUCTS_AT_SCALE_1 * scale)),
        sellers=max(_MIN_SELLERS, round(SELLERS_AT_SCALE_1 * scale)),
    )
    return _Plan(seed, round(ORDERS_AT_SCALE_1 * scale), shop, places(seed, scale))


def _write_catalog(output: _Output, plan: _Plan) -> None:
    for chunk, index in catalog.chunks(plan.shop.products):
        output.add("products", catalog.product_columns(plan.seed, chunk, index))
    for _, index in catalog.chunks(plan.shop.sellers):
        output.add("sellers", catalog.seller_columns(plan.seed, index, plan.where))
    for chunk, index in catalog.chunks(len(plan.where.zips), _ZIPS_PER_CHUNK):
        output.add("geolocation", catalog.geolocation_columns(plan.seed, chunk, index, plan.where))
    output.add(
        "product_category_translation", [list(column) for column in zip(*catalog.translation_rows(), strict=True)]
    )


def _write_orders(output: _Output, plan: _Plan, examples: dirt.Examples) -> dirt.Examples:
    """Write the five tables that depend on the orders; returns the examples it kept."""
    for chunk, index in catalog.chunks(plan.orders):
        orders = orders_of(plan.seed, chunk, index, plan.orders, plan.where)
        basket = baskets.basket_of(plan.seed, chunk, orders, plan.shop)
        output.add("customers", customer_columns(plan.seed, orders, plan.where))
        tables = {
            "orders": order_columns(plan.seed, orders),
            "order_items": baskets.item_columns(plan.seed, orders, basket),
            "order_payments": baskets.payment_columns(plan.seed, chunk, orders, basket.totals),
            "order_reviews": review_columns(plan.seed, chunk, orders),
        }
        for table, columns in tables.items():
            output.add(table, columns)
            examples.keep(table, columns)
    return examples


def _write_dirt(output: _Output, plan: _Plan, examples: dirt.Examples, per_kind: int) -> dict[tuple[str, str], int]:
    """Append the broken records; returns their number per (bronze table, reason)."""
    index = np.arange(plan.orders, plan.orders + dirt.FRESH_KINDS * per_kind, dtype=np.int64)
    addresses = plan.where.addresses(np.zeros(len(index), dtype=np.int64))
    customer_fields = [ids(plan.seed, "customer", index), ids(plan.seed, "person/id", index), *addresses]
    broken = dirt.broken_records(
        examples,
        per_kind,
        {"orders": order_ids(plan.seed, index), "order_reviews": ids(plan.seed, "review", index)},
        list(zip(*customer_fields, strict=True)),
    )
    output.add("customers", customer_fields)
    for table, rows in broken.records.items():
        output.files[table].write(rows)
    return broken.counts
