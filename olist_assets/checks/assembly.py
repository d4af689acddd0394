"""Contract to asset checks, one step per table. Counts and nulls come from the Delta log, the rest from DuckDB."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import dagster as dg

from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.table import Table
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.warehouse import Warehouse


def evaluate(
    warehouse: Warehouse, calendar: Calendar, table: Table, checks: Sequence[Check]
) -> Iterator[dg.AssetCheckResult]:
    """Run checks against the newest version of the tables. Raises TableMissing if the table itself does not exist.

    An optional table that does not exist satisfies its checks.
    """
    if table.is_optional and not warehouse.existing_tables([table.name]):
        for check in checks:
            yield check_result(table.name, check.name, (True, {"table": "does not exist"}), blocking=check.blocking)
        return
    delta = warehouse.open(table.name)
    others = warehouse.existing_tables({name for check in checks for name in check.reads} - {table.name})
    with warehouse.sql({table.name: delta, **others}) as sql:
        context = CheckContext(warehouse, calendar, table, statistics(delta), delta, sql)
        for check in checks:
            missing = [name for name in check.reads if name not in others and name != table.name]
            if missing:
                # Unknown, but no fault of this table: warn and stop nothing.
                yield check_result(table.name, check.name, (False, {"tables_not_made_yet": missing}), blocking=False)
            else:
                yield check_result(table.name, check.name, check.evaluate(context), blocking=check.blocking)


ConditionOf = Callable[[str], dg.AutomationCondition | None]
"""The automation condition of a check by its name; None for a check that runs with its table."""


def asset_checks(
    table: Table, checks: Iterable[Check], condition_of: ConditionOf = lambda _: None
) -> dg.AssetChecksDefinition:
    """The checks of a table as one step, each of which can be run alone."""
    by_name = {check.name: check for check in checks}
    specs = [
        dg.AssetCheckSpec(
            check.name,
            asset=table.name,
            description=check.description,
            blocking=check.blocking,
            additional_deps=[name for name in dict.fromkeys(check.reads) if name != table.name],
            automation_condition=condition_of(check.name),
        )
        for check in by_name.values()
    ]

    def evaluate_selected(names: set[str], warehouse: Warehouse, calendar: Calendar) -> Iterator[dg.AssetCheckResult]:
        return evaluate(warehouse, calendar, table, [check for name, check in by_name.items() if name in names])

    return check_step(table.name, specs, evaluate_selected)


def check_step(
    asset: str,
    specs: Sequence[dg.AssetCheckSpec],
    evaluate_selected: Callable[[set[str], Warehouse, Calendar], Iterator[dg.AssetCheckResult]],
) -> dg.AssetChecksDefinition:
    """A step that evaluates the selected checks of a table or a model by name."""

    @dg.multi_asset_check(name=f"{asset}_checks", specs=specs, can_subset=True)
    def run_checks(
        context: dg.AssetCheckExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        calendar: dg.ResourceParam[Calendar],
    ):
        names = {key.name for key in context.selected_asset_check_keys}
        yield from evaluate_selected(names, warehouse, calendar)

    return run_checks


def check_result(asset: str, name: str, verdict: Verdict, *, blocking: bool) -> dg.AssetCheckResult:
    """A verdict as Dagster's result: a failed check that blocks is an error, another one a warning."""
    passed, metrics = verdict
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata=metrics,
    )
