"""How checks become one step of Dagster: what blocks, what warns, and what can be run alone."""

import dagster as dg
import pytest

from olist_assets.checks.assembly import asset_checks
from olist_assets.checks.kinds import checks_of
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.lakehouse.warehouse import TableMissing
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.checks.verdicts import metrics, verdict, verdicts
from olist_assets_tests.rows import store

ORDER = {"order_id": "a", "customer_id": "nobody", "order_status": "delivered", "delivery_days": -1}
UNIQUE, IN_RANGE = "order_id_is_unique", "delivery_days_is_in_range"


def test_a_failed_check_that_blocks_is_an_error_and_another_one_a_warning(orders):
    store(orders, SILVER_ORDERS, ORDER, ORDER)
    results = verdicts(orders, SILVER_ORDERS)
    unique, in_range = results[UNIQUE], results[IN_RANGE]
    assert (unique.passed, unique.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (in_range.passed, in_range.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_check_that_reads_a_table_that_does_not_exist_yet_warns_and_names_it(warehouse):
    store(warehouse, SILVER_ORDERS, ORDER)
    result = verdict(warehouse, SILVER_ORDERS, "customer_id_exists_in_silver_customers")
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert metrics(result) == {"tables_not_made_yet": ["silver_customers"]}


def test_a_table_that_does_not_exist_has_no_verdict(warehouse):
    with pytest.raises(TableMissing, match="olist materialize --select silver_orders"):
        verdicts(warehouse, SILVER_ORDERS)


def test_each_check_of_the_step_can_run_alone(orders):
    store(orders, SILVER_ORDERS, ORDER, ORDER)
    checks = {check.name: check for check in checks_of(SILVER_ORDERS, orders.catalog.tables)}
    step = asset_checks(SILVER_ORDERS, checks.values())
    specs = {spec.name: spec for spec in step.check_specs}
    assert {name: spec.blocking for name, spec in specs.items()} == {n: check.blocking for n, check in checks.items()}
    resources = {
        "warehouse": dg.ResourceDefinition.hardcoded_resource(orders),
        "calendar": dg.ResourceDefinition.hardcoded_resource(PUBLISHED),
    }
    defs = dg.Definitions(asset_checks=[step], resources=resources, jobs=[dg.define_asset_job("checks", _only(UNIQUE))])
    done = defs.resolve_job_def("checks").execute_in_process(raise_on_error=False)
    assert {(e.check_name, e.passed) for e in done.get_asset_check_evaluations()} == {(UNIQUE, False)}


def _only(name: str) -> dg.AssetSelection:
    return dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(SILVER_ORDERS.name), name))
