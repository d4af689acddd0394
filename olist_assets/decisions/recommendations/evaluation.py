"""How often the lists name what was really bought next, month by month, beside baselines, with intervals.

Each month is predicted from the sales before it. All metrics are means over units (orders, customers, products), and
an interval is that of the percentile bootstrap over these units (Efron and Tibshirani 1993, chapter 13).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from olist_assets.decisions.recommendations.co_purchases import Pairs, pairs_of
from olist_assets.decisions.recommendations.next_category import Ranked, popular_for_all, ranked_categories
from olist_assets.decisions.recommendations.product_lists import (
    Lists,
    Shelf,
    category_lists,
    overall_lists,
    parts,
    product_lists,
    shelf_at,
)
from olist_assets.decisions.recommendations.ranking import NONE
from olist_assets.decisions.recommendations.sales import CategoryPurchases, Floats, Ints, Sales

EPOCH = date(1970, 1, 1)
# The months that are also measured together: one month has too few orders with several products for a narrow interval.
TOGETHER = 2
TOGETHER_NAME = f"last_{TOGETHER}_months"
BOUGHT_TOGETHER, CATEGORY_POPULARITY, OVERALL_POPULARITY = (
    "bought_together",
    "category_popularity",
    "overall_popularity",
)
NEXT_CATEGORY, POPULAR_CATEGORIES = "next_category", "popular_categories"
ListsOf = Callable[[Shelf, Ints], Lists]
MODELS: dict[str, ListsOf] = {
    BOUGHT_TOGETHER: product_lists,
    CATEGORY_POPULARITY: category_lists,
    OVERALL_POPULARITY: overall_lists,
}
HIT, MRR, COVERAGE = "hit_at_10", "mrr_at_10", "coverage"
COLD, CATEGORY_MRR, KNOWN = "cold_share", "mrr", "known_share"


@dataclass(frozen=True)
class Month:
    """A calendar month: its first day and the first day after it, as days since 1970-01-01."""

    name: str
    first: int
    end: int


@dataclass(frozen=True)
class Measured:
    """A metric of a model in a month: one value per unit, of which the mean counts."""

    model: str
    month: str
    metric: str
    values: Floats


@dataclass(frozen=True)
class Interval:
    """A mean with the interval that holds 95 % of the means of resampled units."""

    value: float
    low: float
    high: float


def full_months(first: int, end: int, count: int) -> list[Month]:
    """The last `count` whole months before day `end` that have days of sales before them; oldest first.

    The month of the last sale is whole only if that is its last day.
    """
    months: list[Month] = []
    after = (EPOCH + timedelta(end)).replace(day=1)
    while len(months) < count:
        start = (after - timedelta(1)).replace(day=1)
        if (start - EPOCH).days <= first:
            break
        months.insert(0, Month(f"{start:%Y-%m}", (start - EPOCH).days, (after - EPOCH).days))
        after = start
    return months


def measured_lists(sales: Sales, month: Month) -> list[Measured]:
    """Basket completion: of two products of an order, one is shown and the other has to be in its list.

    Each ordered pair of an order is one question, and all questions of an order together weigh as one.
    """
    shelf = shelf_at(sales, month.first)
    questions = pairs_of(sales, (sales.day >= month.first) & (sales.day < month.end))
    if not len(questions.order):
        return []
    # Popular products are asked for in many orders, and each list is made once.
    asked, list_of_question = np.unique(questions.product, return_inverse=True)
    found: list[Measured] = []
    hits: dict[str, dict[str, Floats]] = {}
    for model, lists_of in MODELS.items():
        recommended = np.concatenate([lists_of(shelf, part).recommended for part in parts(asked)])[list_of_question]
        is_hit = recommended == questions.other[:, None]
        hits[model] = {
            HIT: by_order(questions, is_hit.any(axis=1).astype(np.float64)),
            MRR: by_order(questions, (is_hit / np.arange(1, is_hit.shape[1] + 1)).sum(axis=1)),
        }
        found += [Measured(model, month.name, metric, values) for metric, values in hits[model].items()]
        # After a pause of the sales no product may be recommended, and there is nothing to cover.
        if len(shelf.current):
            found.append(Measured(model, month.name, COVERAGE, is_shown(shelf, lists_of)))
    difference = compared(BOUGHT_TOGETHER, CATEGORY_POPULARITY)
    for metric in (HIT, MRR):
        gain = hits[BOUGHT_TOGETHER][metric] - hits[CATEGORY_POPULARITY][metric]
        found.append(Measured(difference, month.name, metric, gain))
    is_cold = (shelf.orders[questions.other] == 0).astype(np.float64)
    return [*found, Measured(BOUGHT_TOGETHER, month.name, COLD, by_order(questions, is_cold))]


def by_order(questions: Pairs, values: Floats) -> Floats:
    """The mean of the questions of each order."""
    _, order, counts = np.unique(questions.order, return_inverse=True, return_counts=True)
    return np.bincount(order, weights=values) / counts


def is_shown(shelf: Shelf, lists_of: ListsOf) -> Floats:
    """For each product that may be recommended 1 if it is in the list of another one, else 0."""
    shown = np.zeros(shelf.sales.products, bool)
    for asked in parts(shelf.current):
        recommended = lists_of(shelf, asked).recommended
        shown[recommended[recommended != NONE]] = True
    return shown[shelf.current].astype(np.float64)


def measured_next_categories(purchases: CategoryPurchases, month: Month) -> list[Measured]:
    """The reciprocal rank of the best placed category in the first order of the month of each known customer."""
    here = (purchases.day >= month.first) & (purchases.day < month.end)
    if not here.any():
        return []
    is_known = np.zeros(int(purchases.customer.max()) + 1, bool)
    is_known[purchases.customer[purchases.day < month.first]] = True
    _, first = np.unique(purchases.order[here], return_index=True)
    share = Measured(NEXT_CATEGORY, month.name, KNOWN, is_known[purchases.customer[here][first]].astype(np.float64))
    asked = np.flatnonzero(here & is_known[purchases.customer])
    # Elements are in the order of purchase, so each customer's first one belongs to the first order of the month.
    customers, first, row = np.unique(purchases.customer[asked], return_index=True, return_inverse=True)
    if not len(customers):
        return [share]
    wanted = asked[purchases.order[asked] == purchases.order[asked][first][row]]
    categories = len(purchases.category_names)
    own, baseline = (
        reciprocal_ranks(rank(purchases, month.first, customers, categories), purchases, wanted)
        for rank in (ranked_categories, popular_for_all)
    )
    return [
        Measured(NEXT_CATEGORY, month.name, CATEGORY_MRR, own),
        Measured(POPULAR_CATEGORIES, month.name, CATEGORY_MRR, baseline),
        Measured(compared(NEXT_CATEGORY, POPULAR_CATEGORIES), month.name, CATEGORY_MRR, own - baseline),
        share,
    ]


def reciprocal_ranks(ranked: Ranked, purchases: CategoryPurchases, wanted: Ints) -> Floats:
    """1 / rank of the best placed wanted category of each customer; `ranked` has all categories."""
    row = np.searchsorted(ranked.customer, purchases.customer[wanted])
    rank = np.argmax(ranked.category[row] == purchases.category[wanted][:, None], axis=1) + 1
    best = np.zeros(len(ranked.customer))
    np.maximum.at(best, row, 1 / rank)
    return best


def compared(model: str, baseline: str) -> str:
    """The name of a model's gain over a baseline on the same units."""
    return f"{model}_minus_{baseline}"


def together(measured: Iterable[Measured], months: Iterable[str]) -> list[Measured]:
    """The metrics of several months as one: the mean over the units of all of them."""
    of: dict[tuple[str, str], list[Floats]] = {}
    chosen = set(months)
    for one in measured:
        if one.month in chosen:
            of.setdefault((one.model, one.metric), []).append(one.values)
    return [Measured(model, TOGETHER_NAME, metric, np.concatenate(v)) for (model, metric), v in of.items()]


def interval(values: Floats, resamples: int, seed: int) -> Interval:
    """The mean and its 95 % interval by the percentile bootstrap.

    How often each distinct value is drawn is multinomial, so resampling costs no more than the number of these.
    """
    distinct, counts = np.unique(values, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=resamples)
    low, high = np.quantile(drawn @ distinct / len(values), (0.025, 0.975))
    return Interval(float(distinct @ counts / len(values)), float(low), float(high))


def is_above(evaluation: pa.Table, model: str, baseline: str, metric: str) -> bool:
    """Whether a model's gain over a baseline in the last months is above 0 with its whole interval.

    `evaluation` has the rows of gold_recommender_evaluation. Without such a measurement nothing is above its baseline.
    """
    wanted = (compared(model, baseline), TOGETHER_NAME, metric)
    columns = (evaluation[name].to_pylist() for name in ("model", "month", "metric", "low"))
    return any(low > 0 for *key, low in zip(*columns, strict=True) if tuple(key) == wanted)
