"""Each check has a section of the runbooks that says what to do."""

import re

from olist_assets.definitions import build_defs
from olist_assets.monitoring.runbooks import FAILED_CHECK, FAILED_QUERY, FAILED_RUN, SECTIONS, section_of
from olist_assets_tests.conftest import PROJECT, settings_in


def sections() -> set[str]:
    """The anchors of the page's sections, as GitHub makes them."""
    page = (PROJECT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_section_is_on_the_page_and_every_pattern_is_that_of_a_check(tmp_path):
    graph = build_defs(settings_in(tmp_path, tmp_path)).resolve_asset_graph()
    names = {key.name for key in graph.asset_check_keys}
    assert {*SECTIONS.values(), FAILED_CHECK, FAILED_RUN, FAILED_QUERY} <= sections()
    patterns = [pattern for patterns in SECTIONS for pattern in re.split(r"\|(?![^(]*\))", patterns)]
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, name) for name in names)] == []


def test_section_depends_on_what_failed():
    assert section_of("check:silver_orders:data_are_fresh") == "data-are-late"
    assert section_of("check:gold_daily_metrics:volume_is_usual") == "a-table-is-unusual"
    assert section_of("check:gold_next_category:ranks_are_dense") == FAILED_CHECK
    assert section_of("query:refresh queries/kpis.sql") == FAILED_QUERY
    assert section_of("step:silver_orders") == section_of("run:nightly:") == FAILED_RUN
