"""Contract -> asset checks, a step a table. The Delta log knows counts and nulls, DuckDB reads the rest."""

from collections.abc import Iterator, Sequence

import dagster as dg

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.checks.kinds import checks_of
from olist_assets.checks.spec import Check, Evaluation
from olist_assets.contracts.table import Table
from olist_assets.settings import Settings


def evaluated(table: Table, checks: list[Check], settings: Settings) -> Iterator[dg.AssetCheckResult]:
    """Run checks against the newest version of the tables. Raises TableMissing where the table itself is."""
    delta = lakehouse.open_table(settings, table.name)
    others = lakehouse.made(settings, {name for check in checks for name in check.reads} - {table.name})
    with lakehouse.connection({table.name: delta, **others}) as sql:
        on = Evaluation(settings, table, lakehouse.statistics(delta), delta, sql)
        for check in checks:
            missing = [name for name in check.reads if name not in others and name != table.name]
            if missing:
                # Nothing is known of the property, and nothing wrong with the table: say so, and stop nothing.
                passed, blocking, figures = False, False, {"tables_not_made_yet": missing}
            else:
                (passed, figures), blocking = check.evaluate(on), check.blocking
            yield dg.AssetCheckResult(
                asset_key=table.name,
                check_name=check.name,
                passed=passed,
                severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
                metadata=figures,
            )


def asset_checks(table: Table, more: Sequence[Check] = ()) -> dg.AssetChecksDefinition:
    """The checks of a table as one step, so that a table costs one; any of them can be run by itself.

    `more` are checks besides those that its contract implies.
    """
    checks = {check.name: check for check in (*checks_of(table), *more)}

    @dg.multi_asset_check(
        name=f"{table.name}_checks",
        specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=table.name,
                description=check.description,
                blocking=check.blocking,
                additional_deps=[name for name in dict.fromkeys(check.reads) if name != table.name],
            )
            for check in checks.values()
        ],
        can_subset=True,
    )
    def run_checks(context: dg.AssetCheckExecutionContext):
        wanted = {key.name for key in context.selected_asset_check_keys}
        yield from evaluated(table, [check for name, check in checks.items() if name in wanted], Settings())

    return run_checks
