"""Spans of days: which days they have, how days become spans, and how a span is written."""

from datetime import date

import pytest

from olist_assets.contracts.calendar import PUBLISHED, Calendar, each_day, joined_spans, span_text, spans


def day(of_january: int) -> date:
    return date(2018, 1, of_january)


def span(first: int, last: int | None = None) -> tuple[date, date]:
    return day(first), day(last or first)


def test_a_calendar_covers_its_first_and_last_day_and_none_beyond():
    calendar = Calendar(day(2), day(4))
    assert [calendar.covers(day(n)) for n in range(1, 6)] == [False, True, True, True, False]
    assert calendar.days == span(2, 4)


def test_the_published_days_are_those_of_the_dataset():
    assert len(each_day(PUBLISHED.days)) == 774


def test_each_day_has_both_ends_and_crosses_the_end_of_a_month():
    assert each_day((date(2016, 2, 28), date(2016, 3, 1))) == [date(2016, 2, 28), date(2016, 2, 29), date(2016, 3, 1)]
    assert each_day(span(5)) == [day(5)]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([], []),
        ([3], [span(3)]),
        ([1, 2, 3], [span(1, 3)]),
        ([3, 1, 2], [span(1, 3)]),
        ([1, 3], [span(1), span(3)]),
        ([9, 1, 2, 4, 8], [span(1, 2), span(4), span(8, 9)]),
    ],
)
def test_days_become_sorted_spans_without_gaps(days, expected):
    assert spans(map(day, days)) == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (9, [span(1), span(3), span(9, 10), span(20)]),
        (4, [span(1), span(3), span(9, 10), span(20)]),
        (3, [span(1, 3), span(9, 10), span(20)]),
        (2, [span(1, 10), span(20)]),
        (1, [span(1, 20)]),
    ],
)
def test_the_spans_with_the_smallest_gaps_are_joined_until_few_enough_are_left(limit, expected):
    found = [span(1), span(3), span(9, 10), span(20)]
    assert joined_spans(found, limit) == expected
    assert found == [span(1), span(3), span(9, 10), span(20)]


def test_a_span_of_one_day_is_written_as_the_day():
    assert span_text(span(5)) == "2018-01-05"
    assert span_text(span(5, 6)) == "2018-01-05..2018-01-06"
