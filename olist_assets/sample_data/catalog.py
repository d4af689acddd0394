"""Products, sellers, translations and geolocation: the tables that do not depend on the orders."""

from collections.abc import Iterator

import numpy as np

from olist_assets.sample_data.files import Row, text_field
from olist_assets.sample_data.places import Places
from olist_assets.sample_data.streams import Ints, ids, normal, pick, positions, stream, uniform
from olist_assets.sample_data.vocabulary import CATEGORIES, TRANSLATIONS

Columns = list[list[str]]

CHUNK = 50_000
_NAMELESS_SHARE = 610 / 32_951
_OUTSIDE_BRAZIL = ((41.6, -8.4), (42.4, 13.8), (28.0, -15.5), (29.4, -98.5))


def product_ids(seed: int, products: Ints) -> list[str]:
    """The id fields of products."""
    return ids(seed, "product", products)


def seller_ids(seed: int, sellers: Ints) -> list[str]:
    """The id fields of sellers."""
    return ids(seed, "seller", sellers)


def product_sellers(seed: int, products: Ints, sellers: int) -> Ints:
    """The main seller of each product; low numbers sell more."""
    return (sellers * uniform(seed, "product/seller", products) ** 1.7).astype(np.int64)


def product_cents(seed: int, products: Ints) -> Ints:
    """The list price of each product: a median of 75 BRL and a long tail, most ending in 90 cents."""
    reais = np.exp(4.32 + 0.95 * normal(seed, "product/price", products)).clip(1.0, 6_000.0)
    cents = (reais * 100).astype(np.int64)
    rounded = cents // 100 * 100 + 90
    return np.where(uniform(seed, "product/ending", products) < 0.7, rounded, cents)


def chunks(total: int, size: int = CHUNK) -> Iterator[tuple[int, Ints]]:
    """Chunk numbers with their indexes."""
    for number, start in enumerate(range(0, total, size)):
        yield number, np.arange(start, min(start + size, total), dtype=np.int64)


def product_columns(seed: int, chunk: int, index: Ints) -> Columns:
    """A chunk of products. Product 0 has no category, product 1 no weight and measures."""
    rng = stream(seed, "products", chunk)
    size = len(index)
    weights = 1.0 / (np.arange(len(CATEGORIES), dtype=np.float64) + 4.0)
    category = positions(weights, rng.random(size))
    # Every category has a product: the first ones take them in turn.
    category = np.where((index >= 2) & (index < len(CATEGORIES) + 2), index - 2, category)
    past_the_turn = index >= len(CATEGORIES) + 2
    nameless = ((rng.random(size) < _NAMELESS_SHARE) & past_the_turn) | (index == 0)
    unmeasured = ((rng.random(size) < 2 / 32_951) & past_the_turn) | (index == 1)
    described: Columns = [
        [CATEGORIES[at] for at in category.tolist()],
        _whole(rng.normal(48.5, 10.0, size).clip(5, 76)),
        _whole(np.exp(rng.normal(6.4, 0.75, size)).clip(4, 3_992)),
        _whole(1 + rng.poisson(1.2, size).clip(0, 19)),
    ]
    measured: Columns = [
        _whole(np.exp(rng.normal(6.7, 1.3, size)).clip(50, 40_425) // 50 * 50),
        _whole(np.exp(rng.normal(3.3, 0.45, size)).clip(7, 105)),
        _whole(np.exp(rng.normal(2.6, 0.65, size)).clip(2, 105)),
        _whole(np.exp(rng.normal(3.05, 0.4, size)).clip(6, 118)),
    ]
    empty_where = [(described, nameless.tolist()), (measured, unmeasured.tolist())]
    fields = [
        ["" if empty else field for field, empty in zip(column, is_empty, strict=True)]
        for columns, is_empty in empty_where
        for column in columns
    ]
    return [product_ids(seed, index), *fields]


def seller_columns(seed: int, index: Ints, where: Places) -> Columns:
    """Sellers and their addresses."""
    zips = where.warehouses(uniform(seed, "seller/zip", index))
    return [seller_ids(seed, index), *where.addresses(zips)]


def translation_rows() -> Iterator[Row]:
    """Portuguese category names with their English ones; two categories have none."""
    yield from TRANSLATIONS


def geolocation_columns(seed: int, chunk: int, zips: Ints, where: Places) -> Columns:
    """About ten points per zip prefix, with repeats, spellings and points abroad as in the published file."""
    rng = stream(seed, "geolocation", chunk)
    # Some zip prefixes of customers are in no geolocation file.
    known = zips[(zips % 353 != 352)]
    zip_of = np.repeat(known, 1 + rng.poisson(9.0, len(known)))
    size = len(zip_of)
    points = np.stack([where.latitude[zip_of], where.longitude[zip_of]], axis=1) + rng.normal(0.0, 0.008, (size, 2))
    abroad = rng.random(size) < 30 / 1_000_000
    abroad[:2] |= chunk == 0
    points[abroad] = np.array(_OUTSIDE_BRAZIL)[pick(rng, [1.0] * 4, int(abroad.sum()))] + rng.normal(
        0.0, 0.1, (int(abroad.sum()), 2)
    )
    accented = rng.random(size) < 0.25
    # About a quarter of the records repeat the record before, if it is of the same zip prefix.
    repeats = (rng.random(size) < 0.26) & (np.diff(zip_of, prepend=-1) == 0) & ~abroad
    source = np.maximum.accumulate(np.where(repeats, 0, np.arange(size)))
    names = [
        text_field(where.accented_cities[at] if is_accented else where.cities[at])
        for at, is_accented in zip(zip_of.tolist(), accented[source].tolist(), strict=True)
    ]
    return [
        [where.zips[at] for at in zip_of.tolist()],
        [repr(value) for value in points[source, 0].tolist()],
        [repr(value) for value in points[source, 1].tolist()],
        names,
        [where.states[at] for at in zip_of.tolist()],
    ]


def _whole(values: np.ndarray) -> list[str]:
    return [str(value) for value in values.astype(np.int64).tolist()]
