"""The days of the daily tables: one partition per calendar day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

Days = tuple[date, date]
"""A span of days, both ends included."""


@dataclass(frozen=True)
class Calendar:
    """From the first to the last day of purchase, both included."""

    first: date
    last: date

    @property
    def days(self) -> Days:
        return self.first, self.last

    def covers(self, day: date) -> bool:
        return self.first <= day <= self.last


MAX_DAYS = 4000
"""Of a calendar: eleven years. A wider one is a wrong date, and a partition for each of its days a large event log."""
# The days of the published dataset, used until a warehouse has orders of its own.
PUBLISHED = Calendar(date(2016, 9, 4), date(2018, 10, 17))


def each_day(days: Days) -> list[date]:
    """The days of a span, both ends included."""
    first, last = days
    return [first + timedelta(at) for at in range((last - first).days + 1)]


def spans(days: Iterable[date]) -> list[Days]:
    """Days as sorted spans without gaps."""
    found: list[Days] = []
    for day in sorted(days):
        if found and day - found[-1][1] == timedelta(1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def joined_spans(found: list[Days], limit: int) -> list[Days]:
    """At most `limit` spans: those with the smallest gaps between them are joined."""
    joined = list(found)
    while len(joined) > limit:
        gaps = [(later[0] - earlier[1]).days for earlier, later in pairwise(joined)]
        at = gaps.index(min(gaps))
        joined[at : at + 2] = [(joined[at][0], joined[at + 1][1])]
    return joined


def span_text(days: Days) -> str:
    """A span as the command line takes it: a day, or A..B."""
    return str(days[0]) if days[0] == days[1] else f"{days[0]}..{days[1]}"
