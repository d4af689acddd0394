"""Orders and their customers: purchases, statuses and delivery times."""

from dataclasses import dataclass

import numpy as np

from olist_assets.sample_data import purchase_days as calendar
from olist_assets.sample_data.files import timestamp_fields
from olist_assets.sample_data.places import Places
from olist_assets.sample_data.streams import Bools, Floats, Ints, ids, pick, positions, stream, uniform

DAY = 86_400
STATUSES = ("delivered", "shipped", "canceled", "unavailable", "invoiced", "processing", "created", "approved")
_STATUS_WEIGHTS = [96_478.0, 1_107.0, 620.0, 609.0, 314.0, 301.0, 5.0, 2.0]
DELIVERED, SHIPPED, CANCELED, UNAVAILABLE, INVOICED, PROCESSING, CREATED, APPROVED = range(8)

# The first orders of every sample are the rare cases, so that the smallest sample has them too.
FIRST_ORDER = 0
WITHOUT_PAYMENT = 1
LAST_DELIVERED = 2
WITHOUT_ANSWER = 3
WITHOUT_DELIVERY_DATE = 4

_REPEAT_SHARE = 1 - 96_096 / 99_441
_MOVED_SHARE = 0.07
_MEAN_DAYS_TO_REPEAT = 80.0


@dataclass(frozen=True)
class Orders:
    """A chunk of orders: one array per column; times are seconds since 1970, meaningless where `has_` is false."""

    index: Ints
    person: Ints
    home: Ints
    status: Ints
    purchased: Ints
    approved: Ints
    handed_over: Ints
    delivered: Ints
    estimated: Ints
    has_approval: Bools
    has_handover: Bools
    has_delivery: Bools

    def is_late(self) -> Bools:
        """Whether an order was delivered after its estimated day."""
        return self.has_delivery & (self.delivered // DAY > self.estimated // DAY)


def order_ids(seed: int, index: Ints) -> list[str]:
    """The id fields of orders."""
    return ids(seed, "order", index)


def persons(seed: int, index: Ints) -> Ints:
    """The person behind each order: the order's own number, or an earlier order's person for repeat customers.

    A function of the index alone, so it needs no memory of earlier chunks.
    """
    person = index.copy()
    repeats = _is_repeat(seed, person)
    while repeats.any():
        person[repeats] = (uniform(seed, "person", person[repeats]) * person[repeats]).astype(np.int64)
        repeats = _is_repeat(seed, person)
    return person


def purchase_day_numbers(seed: int, index: Ints, person: Ints, total: int) -> Ints:
    """The day of each order; repeat customers buy some weeks after their first order, while the shop is open."""
    weights = calendar.day_weights()
    own = positions(weights, uniform(seed, "day", index))
    first = positions(weights, uniform(seed, "day", person))
    later = first + np.floor(-_MEAN_DAYS_TO_REPEAT * np.log1p(-uniform(seed, "return", index)) - 20).clip(0).astype(
        np.int64
    )
    possible = (person != index) & (later < calendar.day_number(calendar.LAST_DELIVERED_DAY))
    possible &= weights[np.minimum(later, calendar.DAYS - 1)] > 0
    days = np.where(possible, later, own)
    ends = {
        FIRST_ORDER: calendar.FIRST_DAY,
        WITHOUT_PAYMENT: calendar.FIRST_DELIVERED_DAY,
        LAST_DELIVERED: calendar.LAST_DELIVERED_DAY,
        total - 1: calendar.LAST_DAY,
    }
    for order, day in ends.items():
        days[index == order] = calendar.day_number(day)
    return days


def orders_of(seed: int, chunk: int, index: Ints, total: int, where: Places) -> Orders:
    """The orders of a chunk out of `total`."""
    rng = stream(seed, "orders", chunk)
    person = persons(seed, index)
    days = purchase_day_numbers(seed, index, person, total)
    status = _statuses(rng, index, days)
    home = _homes(seed, index, person, where)
    purchased = calendar.seconds_of(days) + _seconds_of_day(rng, len(index))
    approved, handed_over, delivered = _milestones(rng, purchased, where.slowness[home])
    has_approval, has_handover, has_delivery = _present(rng, index, status)
    return Orders(
        index=index,
        person=person,
        home=home,
        status=status,
        purchased=purchased,
        approved=approved,
        handed_over=handed_over,
        delivered=delivered,
        estimated=_estimates(rng, purchased, where.slowness[home]),
        has_approval=has_approval,
        has_handover=has_handover,
        has_delivery=has_delivery,
    )


def customer_columns(seed: int, orders: Orders, where: Places) -> list[list[str]]:
    """The customer records, one per order."""
    return [
        ids(seed, "customer", orders.index),
        ids(seed, "person/id", orders.person),
        *where.addresses(orders.home),
    ]


def order_columns(seed: int, orders: Orders) -> list[list[str]]:
    """The order records."""
    return [
        order_ids(seed, orders.index),
        ids(seed, "customer", orders.index),
        [STATUSES[status] for status in orders.status.tolist()],
        timestamp_fields(orders.purchased),
        timestamp_fields(orders.approved, orders.has_approval),
        timestamp_fields(orders.handed_over, orders.has_handover),
        timestamp_fields(orders.delivered, orders.has_delivery),
        timestamp_fields(orders.estimated),
    ]


def _is_repeat(seed: int, index: Ints) -> Bools:
    return (uniform(seed, "repeat", index) < _REPEAT_SHARE) & (index > 4)


def _homes(seed: int, index: Ints, person: Ints, where: Places) -> Ints:
    moved = (person != index) & (uniform(seed, "moved", index) < _MOVED_SHARE)
    return where.homes(np.where(moved, uniform(seed, "new home", index), uniform(seed, "home", person)))


def _statuses(rng: np.random.Generator, index: Ints, days: Ints) -> Ints:
    status = pick(rng, _STATUS_WEIGHTS, len(index))
    status[index == FIRST_ORDER] = SHIPPED
    status[(index > FIRST_ORDER) & (index <= WITHOUT_DELIVERY_DATE)] = DELIVERED
    # Orders after the closing day were not delivered.
    status[days > calendar.day_number(calendar.LAST_DELIVERED_DAY)] = CANCELED
    return status


def _seconds_of_day(rng: np.random.Generator, size: int) -> Ints:
    return pick(rng, calendar.hour_weights(), size) * 3600 + rng.integers(0, 3600, size)


def _milestones(rng: np.random.Generator, purchased: Ints, slowness: Floats) -> tuple[Ints, Ints, Ints]:
    """Approval, hand-over to the carrier, and delivery."""
    size = len(purchased)
    # Bank slips take a day or two to clear, cards minutes.
    cleared_days = np.where(rng.random(size) < 0.2, rng.uniform(0.5, 3.0, size), np.exp(rng.normal(-4.3, 1.0, size)))
    approved = purchased + (cleared_days * DAY).astype(np.int64).clip(60)
    handed_over = approved + (np.exp(rng.normal(0.6, 0.9, size)).clip(0.1, 40) * DAY).astype(np.int64)
    transit_days = np.exp(rng.normal(1.9, 0.62, size)) * slowness
    delivered = handed_over + (transit_days.clip(0.4, 180) * DAY).astype(np.int64)
    return approved, handed_over, delivered


def _estimates(rng: np.random.Generator, purchased: Ints, slowness: Floats) -> Ints:
    days = (9.0 + 14.0 * slowness + rng.normal(0.0, 5.0, len(purchased))).clip(3, 120)
    return (purchased // DAY + days.astype(np.int64)) * DAY


def _present(rng: np.random.Generator, index: Ints, status: Ints) -> tuple[Bools, Bools, Bools]:
    """Which orders have an approval, a hand-over and a delivery date."""
    share = rng.random(len(index))
    is_delivered, is_canceled = status == DELIVERED, status == CANCELED
    unapproved = (is_canceled & (share < 141 / 625)) | (is_delivered & (share > 1 - 14 / 96_478)) | (status == CREATED)
    undelivered = (is_delivered & (share < 8 / 96_478)) | (index == WITHOUT_DELIVERY_DATE)
    canceled_late = is_canceled & (share > 1 - 75 / 625)
    handed_over = is_delivered | (status == SHIPPED) | canceled_late
    arrived = (is_delivered & ~undelivered) | (is_canceled & (share > 1 - 6 / 625))
    return ~unapproved, handed_over, arrived
