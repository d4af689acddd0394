"""Each kind of check has a section of the runbooks that says what to do."""

import re

from olist_assets.definitions import build_defs
from olist_assets.monitoring.runbooks import FAILED_QUERY, FAILED_RUN, SECTIONS, section_of, section_of_check
from olist_assets_tests.conftest import PROJECT, settings_in


def sections() -> set[str]:
    """The anchors of the page's sections, as GitHub makes them."""
    page = (PROJECT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_kind_of_check_has_a_section_and_every_section_is_on_the_page(tmp_path):
    graph = build_defs(settings_in(tmp_path, tmp_path)).resolve_asset_graph()
    names = {key.name for key in graph.asset_check_keys}
    assert len(names) > 100
    assert [name for name in sorted(names) if section_of_check(name) is None] == []
    assert {*SECTIONS.values(), FAILED_RUN, FAILED_QUERY} <= sections()


def test_section_depends_on_what_failed():
    assert section_of("check:silver_orders:data_are_fresh") == "data-are-late"
    assert section_of("check:gold_daily_metrics:volume_is_usual") == "a-table-is-unusual"
    assert section_of("check:gold_table:checked_by_others") == "a-check-failed"
    assert section_of("query:refresh queries/kpis.sql") == FAILED_QUERY
    assert section_of("step:silver_orders") == section_of("run:nightly:") == FAILED_RUN
