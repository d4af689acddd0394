"""Items and payments of orders, in whole cents, so that both sums agree exactly."""

from dataclasses import dataclass

import numpy as np

from olist_assets.sample_data import catalog
from olist_assets.sample_data import orders as o
from olist_assets.sample_data.files import money_fields, timestamp_fields
from olist_assets.sample_data.orders import Orders
from olist_assets.sample_data.streams import Bools, Ints, pick, stream

_ITEM_COUNTS = [88_863.0, 7_516.0, 1_322.0, 505.0, 204.0, 198.0, 22.0, 8.0, 3.0, 8.0, 4.0, 5.0]
_PAYMENT_COUNTS = [96_479.0, 2_382.0, 301.0, 108.0, 52.0, 36.0, 28.0, 11.0]
_TYPES = ("credit_card", "boleto", "voucher", "debit_card", "not_defined")
_CREDIT_CARD, _BOLETO, _VOUCHER, _DEBIT_CARD, _NOT_DEFINED = range(5)
_TYPE_WEIGHTS = [76.4, 19.9, 1.6, 1.55]
_INSTALLMENTS = (*range(1, 13), 15, 18, 20, 24)
_INSTALLMENT_WEIGHTS = [255.0, 124, 105, 71, 52, 39, 16, 43, 6.4, 53, 0.2, 1.3, 0.7, 0.3, 0.2, 0.2]


@dataclass(frozen=True)
class Shop:
    """Numbers of products and sellers."""

    products: int
    sellers: int


@dataclass(frozen=True)
class Basket:
    """The items of a chunk of orders: `order` points into the chunk; `totals` is over the chunk's orders."""

    order: Ints
    number: Ints
    product: Ints
    seller: Ints
    shipping_limit: Ints
    price_cents: Ints
    freight_cents: Ints
    totals: Ints


def basket_of(seed: int, chunk: int, orders: Orders, shop: Shop) -> Basket:
    """The items of a chunk of orders."""
    rng = stream(seed, "order_items", chunk)
    size = len(orders.index)
    counts = np.where(_is_empty(rng, orders), 0, 1 + pick(rng, _ITEM_COUNTS, size))
    order, number = _expanded(counts)
    # Most baskets of several items have one product several times.
    new_product = (number > 1) & (rng.random(len(order)) < 0.25)
    source = np.maximum.accumulate(np.where((number == 1) | new_product, np.arange(len(order)), 0))
    product = _products(rng, orders.index[order], number, shop.products)[source]
    list_cents = catalog.product_cents(seed, product)
    discount = np.where(rng.random(len(order)) < 0.15, rng.uniform(0.85, 1.0, len(order)), 1.0)[source]
    price_cents = (list_cents * discount).astype(np.int64).clip(85)
    freight = np.exp(rng.normal(2.75, 0.42, len(order))) * (0.75 + 0.3 * _distance(orders, order))
    freight_cents = np.where(rng.random(len(order)) < 0.0034, 0, (freight * 100 + price_cents * 0.012).astype(np.int64))
    limit_days = rng.integers(4, 8, len(order))[source]
    totals = np.bincount(order, weights=price_cents + freight_cents[source], minlength=size).astype(np.int64)
    return Basket(
        order=order,
        number=number,
        product=product,
        seller=catalog.product_sellers(seed, product, shop.sellers),
        shipping_limit=orders.approved[order] + limit_days * o.DAY,
        price_cents=price_cents,
        freight_cents=freight_cents[source],
        totals=totals,
    )


def item_columns(seed: int, orders: Orders, basket: Basket) -> list[list[str]]:
    """The item records."""
    return [
        o.order_ids(seed, orders.index[basket.order]),
        [str(number) for number in basket.number.tolist()],
        catalog.product_ids(seed, basket.product),
        catalog.seller_ids(seed, basket.seller),
        timestamp_fields(basket.shipping_limit),
        money_fields(basket.price_cents),
        money_fields(basket.freight_cents),
    ]


def payment_columns(seed: int, chunk: int, orders: Orders, totals: Ints) -> list[list[str]]:
    """The payment records: they sum to `totals`, except for a few orders that differ by cents or by interest."""
    rng = stream(seed, "order_payments", chunk)
    size = len(orders.index)
    paid = _paid_cents(rng, totals)
    # A cancelled order may have no payment.
    undefined = (totals == 0) & (orders.status == o.CANCELED) & (rng.random(size) < 0.02)
    paid[undefined] = 0
    counts = np.where(paid < 100, 1, 1 + pick(rng, _PAYMENT_COUNTS, size))
    counts[orders.index == o.WITHOUT_PAYMENT] = 0
    order, number = _expanded(counts)
    types = _types(rng, counts[order], number)
    types[undefined[order]] = _NOT_DEFINED
    installments = np.asarray(_INSTALLMENTS)[pick(rng, _INSTALLMENT_WEIGHTS, len(order))]
    installments = np.where(types == _CREDIT_CARD, installments, 1)
    return [
        o.order_ids(seed, orders.index[order]),
        [str(value) for value in number.tolist()],
        [_TYPES[value] for value in types.tolist()],
        [str(value) for value in installments.tolist()],
        money_fields(_split(paid[order], number, counts[order])),
    ]


def _expanded(counts: Ints) -> tuple[Ints, Ints]:
    """For rows that belong to `counts` orders: the order's position, and the row's number within it from 1."""
    order = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    return order, np.arange(len(order)) - starts[order] + 1


def _is_empty(rng: np.random.Generator, orders: Orders) -> Bools:
    share = rng.random(len(orders.index))
    unavailable = (orders.status == o.UNAVAILABLE) & (share < 603 / 609)
    canceled = (orders.status == o.CANCELED) & (share < 164 / 625)
    return unavailable | canceled | (orders.status == o.CREATED)


def _products(rng: np.random.Generator, order_index: Ints, number: Ints, products: int) -> Ints:
    """Products of items: every third order takes the next product in turn, so that nearly all are sold."""
    popular = (products * rng.random(len(order_index)) ** 2.2).astype(np.int64)
    in_turn = (number == 1) & (order_index % 3 == 0) & (order_index // 3 < products)
    return np.where(in_turn, order_index // 3, popular)


def _distance(orders: Orders, order: Ints) -> np.ndarray:
    """The distance of an order, derived from its estimated delivery time; about 1 on average."""
    return ((orders.estimated - orders.purchased)[order] / (23.0 * o.DAY)).clip(0.3, 3.0)


def _paid_cents(rng: np.random.Generator, totals: Ints) -> Ints:
    size = len(totals)
    share = rng.random(size)
    cents_off = np.where(share < 0.0032, rng.integers(1, 4, size) * rng.choice([-1, 1], size), 0)
    interest = np.where(share > 1 - 0.0026, totals * rng.uniform(0.005, 0.05, size), 0).astype(np.int64)
    without_items = np.exp(rng.normal(4.6, 0.9, size) + 4.605).astype(np.int64)
    return np.where(totals > 0, totals + cents_off + interest, without_items)


def _types(rng: np.random.Generator, counts: Ints, number: Ints) -> Ints:
    """Types: any for a single payment; of several payments the later ones are vouchers, mostly after a card."""
    single = pick(rng, _TYPE_WEIGHTS, len(counts))
    first_of_many = np.where(rng.random(len(counts)) < 0.75, _CREDIT_CARD, _VOUCHER)
    several = np.where(number == 1, first_of_many, _VOUCHER)
    return np.where(counts == 1, single, several)


def _split(paid: Ints, number: Ints, counts: Ints) -> Ints:
    """The part of `paid` in payment `number` of `counts`; the parts sum to `paid` exactly."""
    upper = (paid * (number / counts) ** 0.6).round().astype(np.int64)
    lower = (paid * ((number - 1) / counts) ** 0.6).round().astype(np.int64)
    return upper - lower
