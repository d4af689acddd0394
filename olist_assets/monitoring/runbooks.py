"""Which section of docs/runbooks.md says what to do, per kind of check and failure."""

import re

from olist_assets.monitoring.incidents import CHECK, QUERY, Incident

# Checks with a section of their own, by name; the first pattern that matches all of it.
SECTIONS = {
    r"data_are_fresh|commit_is_on_time": "data-are-late",
    r"stream_is_running": "the-stream-does-not-run",
    r"stream_lag_is_usual": "the-stream-is-late",
    r"no_event_is_lost|current_state_equals_replay|offsets_are_contiguous": "events-are-missing",
    r"(run|step|query)_durations_are_usual": "a-run-takes-longer-than-usual",
    r"schema_matches_version_before|source_matches_contract": "the-source-changed-its-columns",
    r"no_day_before_the_last_is_missing": "a-day-is-missing",
    r"records_parse|missing_values_are_empty|zip_prefixes_have_five_digits|.+_exists_in_.+": "rows-were-rejected",
    r".+_(is|are)_usual|segments_are_not_silent": "a-table-is-unusual",
    r".+_is_stable|features_do_not_leak_the_label|version_is_at_least_as_good_as_champion"
    r"|(product_lists|next_categories)_are_above_.+|coverage_of_sums_is_near_nominal": "a-model-check-warns",
    r"placebo_lead_covers_zero|permuted_prices_have_no_effect|price_improves_predictions": "price-tests-are-in-doubt",
}
FAILED_CHECK = "a-check-failed"
FAILED_RUN, FAILED_QUERY = "a-run-failed", "a-query-of-the-dashboard-fails"


def section_of(subject: str) -> str:
    """The section about what an incident has: a check, a step, a run or a query."""
    if subject.startswith(CHECK):
        name = subject.rsplit(":", 1)[1]
        return next((section for pattern, section in SECTIONS.items() if re.fullmatch(pattern, name)), FAILED_CHECK)
    return FAILED_QUERY if subject.startswith(QUERY) else FAILED_RUN


def runbook_links(incident: Incident, runbooks: str) -> list[str]:
    """The addresses of the sections about what fails in an incident; `runbooks` is the address of the page."""
    subjects = incident.failing or incident.checks
    return [f"{runbooks}#{section}" for section in dict.fromkeys(map(section_of, subjects))]
