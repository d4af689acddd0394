"""Commands over a complete run: the run itself, checks without a write, single days, and what is read from it."""

import csv
import io
import json

import pytest

from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.conftest import Olist
from olist_assets_tests.copies import copy_of

SUCCESS = 0


def versions(warehouse):
    return {name: table.version() for name, table in warehouse.existing_tables().items()}


@pytest.fixture
def olist_over(finished, olist_with) -> Olist:
    """`olist` over the complete run, which the test only reads."""
    return olist_with(finished.settings)


def test_complete_run_makes_every_table_and_model_and_passes_its_checks(finished, tables):
    report = finished.report
    assert report.succeeded, (report.failures, report.failed_checks, report.not_run)
    assert set(report.rows) == set(tables.business_tables)
    assert report.versions == dict.fromkeys(tables.models, 1)
    assert set(report.promotions) == set(tables.promotions)
    # In the sample prices are drawn by chance, so they predict nothing; and few offers trip a placebo by chance.
    assert sorted(check.check_name for check in report.warnings) == [
        "features_do_not_leak_the_label",
        "placebo_lead_covers_zero",
        "price_improves_predictions",
    ]
    assert len(report.checks) == len({(c.asset_key, c.check_name) for c in report.checks}) > 200


def test_checks_run_alone_without_changing_a_table(olist_over, finished):
    before = versions(finished.warehouse)
    code, text = olist_over("checks", "--select", "group:gold")
    assert code == SUCCESS, text
    assert "checks passed" in text
    assert versions(finished.warehouse) == before


def test_sql_tables_and_doctor_read_the_complete_run(olist_over, finished):
    code, text = olist_over("sql", "--format", "csv", "SELECT count(*) AS days FROM gold_daily_metrics")
    assert (code, list(csv.reader(io.StringIO(text)))) == (SUCCESS, [["days"], ["774"]])
    code, text = olist_over("sql", "--format", "json", "SELECT 1 AS one FROM silver_rejects HAVING count(*) >= 0")
    assert (code, json.loads(text)) == (SUCCESS, [{"one": 1}])
    code, text = olist_over("tables")
    assert code == SUCCESS
    assert f"{finished.report.rows['bronze_geolocation']:,}" in text
    code, text = olist_over("doctor")
    assert code == SUCCESS, text
    assert f"{len(finished.warehouse.existing_tables())} tables in {finished.warehouse.root}" in text
    assert "daily tables from 2016-09-04..2018-10-17" in text


def test_day_makes_that_day_of_one_table_and_leaves_the_others(finished, olist_with, tmp_path):
    settings = copy_of(finished, tmp_path)
    olist, warehouse = olist_with(settings), Warehouse(settings, finished.warehouse.catalog)
    before = versions(warehouse)
    code, text = olist("materialize", "--select", "silver_orders", "--day", "2017-11-24")
    assert code == SUCCESS, text
    assert {name for name, version in versions(warehouse).items() if version != before[name]} == {"silver_orders"}
    code, text = olist("materialize", "--select", "silver_orders", "--days", "2017-11-01..2017-11-30")
    assert code == SUCCESS, text
    assert versions(warehouse)["silver_orders"] == before["silver_orders"] + 2
