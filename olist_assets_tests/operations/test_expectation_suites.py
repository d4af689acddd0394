"""Which checks of a contract are a part of its suites, and what the command says without Great Expectations."""

import sys

import pytest

from olist_assets.catalog import catalog
from olist_assets.checks.thresholds import threshold_checks
from olist_assets.operations.expectation_suites import suites_of

OF_EVENTS = {
    "bronze_order_events": {"offsets_are_contiguous"},
    "monitoring_stream": {"no_event_is_lost", "stream_lag_is_usual"},
}


@pytest.mark.parametrize("name", catalog().tables)
def test_each_check_is_a_part_of_a_suite_or_has_no_equivalent(name: str):
    table = catalog().tables[name]
    thresholds = threshold_checks(table, lambda *_: ())
    of_history = {check.name for check in thresholds} | {f"{column}_is_stable" for column in table.scores}
    of_sums = {pair.name for pair in table.reconciliations} | ({"nothing_is_lost"} if table.accounting else set())
    of_sql = {rule.name for rule in table.rules} | ({"source_matches_contract"} if table.source else set())
    of_events = {"current_state_equals_replay"} if table.source else OF_EVENTS.get(name, set())
    not_expressible = {check.name for check in suites_of(table, catalog().tables).not_expressible}
    assert not_expressible == of_history | of_sums | of_sql | of_events


def test_without_the_extra_one_message_says_how_to_install_it(olist, monkeypatch):
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    code, text = olist("expectations", "silver_sellers")
    assert code == 2
    assert "pip install 'olist-assets[gx]'" in text
    assert "Traceback" not in text
