"""Reviews: scores that depend on lateness, comments, and reviews of several orders."""

import numpy as np

from olist_assets.sample_data import orders as o
from olist_assets.sample_data.files import text_field, timestamp_fields
from olist_assets.sample_data.orders import Orders
from olist_assets.sample_data.streams import Bools, Ints, ids, pick, stream
from olist_assets.sample_data.vocabulary import CLOSINGS, OPENINGS, TITLES

_ON_TIME = [0.062, 0.024, 0.078, 0.206, 0.630]
_LATE = [0.46, 0.08, 0.12, 0.12, 0.22]
_NEVER_CAME = [0.74, 0.06, 0.08, 0.04, 0.08]
_MOODS = ("bad", "bad", "fair", "good", "good")
_UNREVIEWED_SHARE = 768 / 99_441
_SECOND_SHARE = 550 / 99_441
_SHARED_SHARE = 814 / 99_441
_UNANSWERED_SHARE = 27 / 99_224
_TITLED_SHARE = 0.117
_COMMENTED_SHARE = 0.413

_TITLE_FIELDS = {mood: [text_field(title) for title in titles] for mood, titles in TITLES.items()}
_MESSAGE_FIELDS = {
    mood: [text_field(opening + closing) for opening in OPENINGS[mood] for closing in CLOSINGS[mood]]
    for mood in OPENINGS
}


def review_columns(seed: int, chunk: int, orders: Orders) -> list[list[str]]:
    """The review records of a chunk: mostly one per order, then second ones of a few orders."""
    rng = stream(seed, "order_reviews", chunk)
    size = len(orders.index)
    rare = orders.index <= o.WITHOUT_DELIVERY_DATE
    reviewed = (rng.random(size) >= _UNREVIEWED_SHARE) | rare
    shared = (rng.random(size) < _SHARED_SHARE) & ~rare
    shared[0] = False
    if chunk == 0:
        # Even the smallest sample has a review of two orders and an order with two reviews.
        reviewed[8:11] = True
        shared[8:11] = [False, True, False]
    twice = reviewed & ~shared & ((rng.random(size) < _SECOND_SHARE) | (orders.index == 10))
    # A shared review is that of the order before.
    source = np.maximum.accumulate(np.where(shared, 0, np.arange(size)))
    first = _written(seed, rng, orders, "review", source)
    second = _written(seed, rng, orders, "second review", np.arange(size))
    return [_kept(ours, reviewed) + _kept(more, twice) for ours, more in zip(first, second, strict=True)]


def _written(seed: int, rng: np.random.Generator, orders: Orders, name: str, source: Ints) -> list[list[str]]:
    """A review for each order, taken from the order at `source`."""
    size = len(orders.index)
    scores = _scores(rng, orders)
    finished = np.where(orders.has_delivery, orders.delivered, orders.estimated)
    created = (finished // o.DAY + 1) * o.DAY
    answered = created + (np.exp(rng.normal(0.75, 0.75, size)).clip(0.05, 500) * o.DAY).astype(np.int64)
    has_answer = (rng.random(size) >= _UNANSWERED_SHARE) & (orders.index != o.WITHOUT_ANSWER)
    titles = _texts(rng, scores, _TITLE_FIELDS, _TITLED_SHARE)
    messages = _texts(rng, scores, _MESSAGE_FIELDS, _COMMENTED_SHARE)
    at = source.tolist()
    return [
        ids(seed, name, orders.index[source]),
        o.order_ids(seed, orders.index),
        [str(score) for score in scores[source].tolist()],
        [titles[i] for i in at],
        [messages[i] for i in at],
        timestamp_fields(created[source]),
        timestamp_fields(answered[source], has_answer[source]),
    ]


def _scores(rng: np.random.Generator, orders: Orders) -> Ints:
    size = len(orders.index)
    scores = np.where(orders.is_late(), pick(rng, _LATE, size), pick(rng, _ON_TIME, size))
    return np.where(orders.has_delivery, scores, pick(rng, _NEVER_CAME, size)) + 1


def _texts(rng: np.random.Generator, scores: Ints, fields: dict[str, list[str]], share: float) -> list[str]:
    """A text that suits each score for `share` of the reviews, else empty."""
    written = rng.random(len(scores)) < share
    choice = rng.random(len(scores))
    texts: list[str] = []
    for score, is_written, part in zip(scores.tolist(), written.tolist(), choice.tolist(), strict=True):
        options = fields[_MOODS[score - 1]]
        texts.append(options[int(part * len(options))] if is_written else "")
    return texts


def _kept(fields: list[str], kept: Bools) -> list[str]:
    return [field for field, is_kept in zip(fields, kept.tolist(), strict=True) if is_kept]
