"""Pairs of products of one order."""

import numpy as np

from olist_assets.decisions.recommendations import co_purchases as c
from olist_assets_tests.decisions.recommendations.arrays import sales


def added_up(items, categories):
    of = sales(items, categories)
    found = c.co_purchases(c.pairs_of(of, np.ones(len(items), bool)), of.products)
    pairs = zip(found.product.tolist(), found.other.tolist(), strict=True)
    return dict(zip(pairs, zip(found.orders.tolist(), found.weight.tolist(), strict=True), strict=True))


def test_a_pair_weighs_less_in_a_larger_order_and_orders_add_up():
    two_and_three = [(0, 0, 0, 100, 1), (0, 1, 0, 100, 1), (1, 0, 0, 100, 2), (1, 1, 0, 100, 2), (1, 2, 0, 100, 2)]
    found = added_up(two_and_three, [0, 0, 0])
    assert found == {
        (0, 1): (2, 1 / 2 + 1 / 3),
        (1, 0): (2, 1 / 2 + 1 / 3),
        **dict.fromkeys(((0, 2), (2, 0), (1, 2), (2, 1)), (1, 1 / 3)),
    }


def test_several_pieces_of_a_product_are_no_pair_and_count_once():
    assert added_up([(0, 0, 0, 100, 1), (0, 0, 0, 100, 1)], [0]) == {}
    found = added_up([(0, 0, 0, 100, 1), (0, 0, 0, 100, 1), (0, 1, 0, 100, 1)], [0, 0])
    assert found == {(0, 1): (1, 0.5), (1, 0): (1, 0.5)}


def test_an_order_of_a_retailer_has_no_pairs():
    many = [(0, product, 0, 100, 1) for product in range(c.MAX_PRODUCTS + 1)]
    assert added_up(many, [0] * len(many)) == {}
    assert len(added_up(many[1:], [0] * len(many))) == c.MAX_PRODUCTS * (c.MAX_PRODUCTS - 1)


def test_without_sales_there_are_no_pairs():
    assert added_up([], [0, 0]) == {}
