"""The platform's fields in a commit, texts of other writers, and metrics under names that have changed since."""

import json

import dagster as dg
import pytest

from olist_assets.lakehouse.commit_metadata import RENAMED, current_names, read_user_metadata, user_metadata
from olist_assets.lakehouse.delta_log import commits
from olist_assets.lakehouse.time_travel import history
from olist_assets.operations.platform import Platform
from olist_assets.orchestration.dagster_storage import check_history, latest_checks
from olist_assets_tests.lakehouse.conftest import write
from olist_assets_tests.lakehouse.versions import FIRST, NAME


def test_fields_are_read_as_they_were_written():
    fields = {"run_id": "r", "partitions": "2018-01-01", "code_version": "c", "schema_change": ["x string is new"]}
    assert read_user_metadata(user_metadata(**fields)) == fields


def test_every_commit_has_the_fields_that_identify_its_run():
    unknown = {"run_id": None, "partitions": None, "code_version": None}
    assert json.loads(user_metadata()) == unknown
    assert json.loads(user_metadata(restored_version=3)) == unknown | {"restored_version": 3}


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (None, {}),
        ("", {}),
        ("{}", {}),
        ("[by hand]", {"text": "[by hand]"}),
        ('{"cut": ', {"text": '{"cut": '}),
        ('["a list"]', {"text": ["a list"]}),
        ("12", {"text": 12}),
        (12, {"text": 12}),
        ({"is": "no text"}, {"is": "no text"}),
        ('{"their": "field"}', {"their": "field"}),
    ],
)
def test_metadata_of_another_writer_is_kept_whatever_it_is(text, fields):
    assert read_user_metadata(text) == fields


def test_deltalake_and_the_log_have_the_same_text(warehouse):
    write(warehouse, FIRST, 'it\'s "quoted", ünïcode')
    (newest, _) = commits(warehouse.path(NAME))
    assert newest.info
    assert newest.info["userMetadata"] == 'it\'s "quoted", ünïcode'
    assert history(warehouse, NAME, 1)[0].notes == 'text: it\'s "quoted", ünïcode'


def test_a_commit_of_an_older_version_of_the_package_keeps_its_fields(warehouse):
    old = '{"run_id": "r", "partitions": null, "code_version": "c", "refreshed": ["2018-01-01"], "forget": true}'
    write(warehouse, FIRST, old)
    found = history(warehouse, NAME, 1)[0]
    assert (found.run_id, found.partitions, found.code_version) == ("r", None, "c")
    assert found.notes == "refreshed: ['2018-01-01']; forget: True"


def test_only_renamed_metrics_get_another_name():
    assert current_names({"psi": 0.1, "most": 0.25}) == {"psi": 0.1, "max_psi": 0.25}
    today = dict.fromkeys(RENAMED.values(), 1) | {"offending_rows": 2}
    assert current_names(today) == today


OLD_EVALUATIONS = [
    ("gold_customer_churn_predictions", "churn_probability_is_stable", {"psi": 0.1, "most": 0.25}, "max_psi"),
    ("bronze_orders", "data_are_fresh", {"days_behind": 1, "most_days_behind": 3}, "max_days_behind"),
    ("churn_model", "features_do_not_leak_the_label", {"most_difference": 0.1}, "max_difference"),
]


def test_evaluations_of_an_older_version_of_the_package_have_the_current_names(platform: Platform):
    with platform.instance() as storage:
        for table, check, metrics, _ in OLD_EVALUATIONS:
            event = dg.AssetCheckEvaluation(dg.AssetKey(table), check, True, metadata=metrics)
            storage.report_runless_asset_event(event)
        latest = {found.table: found.metadata for found in latest_checks(storage, platform.graph)}
        for table, check, metrics, name in OLD_EVALUATIONS:
            expected = {key: value for key, value in metrics.items() if key not in RENAMED}
            expected[name] = next(value for key, value in metrics.items() if key in RENAMED)
            assert latest[table] == expected
            (found,) = check_history(storage, platform.graph, table)
            assert (found.check, found.metadata) == (check, expected)
