"""Upkeep of files by deltalake, whose `compact` knows nothing of days and whose `z_order` always rewrites."""

from itertools import pairwise
from math import ceil

from deltalake import DeltaTable

from olist_assets.contracts.table import Table
from olist_assets.engine import write_plan
from olist_assets.lakehouse.statistics import file_actions

# As many files more than needed are left alone: each rewrite costs as much as the first write.
SURPLUS = 1.5


def order_files(table: DeltaTable, contract: Table) -> None:
    """Join small files; those of a daily table in the order of its days. Does nothing where there is nothing to do."""
    if contract.day is None:
        table.optimize.compact()
    elif is_scattered(table, contract.day):
        table.optimize.z_order([contract.day])


def is_scattered(table: DeltaTable, day: str) -> bool:
    """Whether a daily table has more files than its rows need, or files whose days overlap in more than their ends."""
    actions = file_actions(table)
    rows = actions["num_records"].to_pylist()
    if len(rows) > ceil(SURPLUS * sum(rows) / write_plan.ROWS_PER_FILE):
        return True
    spans = sorted(zip(actions[f"min.{day}"].to_pylist(), actions[f"max.{day}"].to_pylist(), strict=True))
    return any(after[0] < before[1] for before, after in pairwise(spans))
