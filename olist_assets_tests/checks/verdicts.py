"""Results of a table's checks, read back as a test compares them."""

from typing import Any

import dagster as dg

from olist_assets.checks.assembly import evaluate
from olist_assets.checks.kinds import checks_of
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.table import Table
from olist_assets.lakehouse.warehouse import Warehouse


def verdicts(warehouse: Warehouse, table: Table) -> dict[str, dg.AssetCheckResult]:
    """Results of all checks that a table's contract implies, by name."""
    checks = checks_of(table, warehouse.catalog.tables)
    return {str(result.check_name): result for result in evaluate(warehouse, PUBLISHED, table, checks)}


def verdict(warehouse: Warehouse, table: Table, name: str) -> dg.AssetCheckResult:
    """The result of one check alone."""
    checks = [check for check in checks_of(table, warehouse.catalog.tables) if check.name == name]
    (result,) = evaluate(warehouse, PUBLISHED, table, checks)
    return result


def metrics(result: dg.AssetCheckResult) -> dict[str, Any]:
    """The metadata of a result as plain values."""
    return {name: value.value for name, value in result.metadata.items()}
