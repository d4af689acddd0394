"""How far a table may be from its own history before a check warns. Each threshold states its reason."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Statistic = Literal["rows", "share", "mean", "median", "p90", "distinct_share", "top_share"]


@dataclass(frozen=True)
class Threshold:
    """A limit of a check, and the reason for it."""

    value: float
    reason: str


@dataclass(frozen=True)
class Duplicates:
    """Rows that repeat a business `key` in a table without a unique key; `rate` is a share of all rows, 0 to 1."""

    key: tuple[str, ...]
    rate: Threshold = Threshold(0.0, "The published files repeat none.")


@dataclass(frozen=True)
class Freshness:
    """The newest day in `column` may be `lag` days behind the last day of purchase, or behind OLIST_AS_OF.

    A table that is written regularly may be `delay` hours later than the longest pause that was usual so far.
    """

    column: str
    lag: Threshold = Threshold(0, "The table holds everything that the source has.")
    delay: Threshold = Threshold(3, "Hours. A run that failed and is repeated is not late yet.")


@dataclass(frozen=True)
class Lag:
    """How late a batch of messages may be, compared with the batches before, and how long messages may wait for one."""

    floor: Threshold = Threshold(60, "Seconds. Nobody who looks at a table of the day notices a minute.")
    waiting: Threshold = Threshold(900, "Seconds. A stream that runs merges within seconds; the sensor within minutes.")


@dataclass(frozen=True)
class Volume:
    """`measure`, summed per `day`, compared with the value expected from the level and the weekday pattern before."""

    day: str
    measure: str
    change: Threshold = Threshold(
        0.4, "Log of the ratio: half more or a third fewer. Olist's weekdays differ by less than that."
    )
    min_level: Threshold = Threshold(
        20, "Orders per day. Below that, chance alone doubles a day, so 2016 and small samples are not judged."
    )
    settling_days: Threshold = Threshold(
        14,
        "Days. Newer orders are not delivered yet (the median takes 10 days), so the counts of those days still grow.",
    )


@dataclass(frozen=True)
class Metric:
    """A statistic of a day's rows. Its robust spread counts as at least `floor`, in the unit of the statistic.

    `share` is the share of rows for which `value` is true, `distinct_share` the number of different values per row,
    and `top_share` the share of the most frequent value.
    """

    statistic: Statistic
    column: str
    """The column that the metric describes, and its name in the table of profiles."""
    floor: Threshold
    value: str = ""
    """The SQL expression that is aggregated; by default the column."""

    @property
    def name(self) -> str:
        return profile_name(self.statistic, self.column)


def profile_name(metric: str, column: str, segment: str = "") -> str:
    """The name of a metric of a column, or of one of its values, for readers."""
    return f"{metric} of {column}{f' = {segment}' if segment else ''}"


@dataclass(frozen=True)
class Segment:
    """A column whose values split a day's rows: each value has a share of them, and none falls silent."""

    column: str
    floor: Threshold = Threshold(
        0.01, "Share of the day's rows, so at least five points; chance alone is accounted for in addition."
    )
    min_share: Threshold = Threshold(
        0.005, "Share of all rows. A rarer value is seen less than once per day in a business of 200 orders."
    )
    silent_at: Threshold = Threshold(
        10, "Rows expected since the last one. By chance, none of ten expected rows comes once in 22,000 times."
    )


@dataclass(frozen=True)
class KnownDays:
    """Days from `first` to `last` whose unusual values are explained by a known event, and cause no warning."""

    first: date
    last: date
    reason: str
    columns: tuple[str, ...] = ()
    """The columns whose metrics the event explains; by default all."""


@dataclass(frozen=True)
class Profile:
    """Metrics and segments of the rows of each `day`; `source` is what follows FROM, by default the table."""

    day: str
    metrics: tuple[Metric, ...] = ()
    segments: tuple[Segment, ...] = ()
    source: str = ""
    min_rows: Threshold = Threshold(
        20, "Rows per day. With fewer, chance alone moves every metric, so 2016 and small samples are not judged."
    )
    settling_days: Threshold = Threshold(0, "Days. Each row is complete on its day.")
    known: tuple[KnownDays, ...] = ()
    explained_by: tuple[str, ...] = ()
    """Columns that a change is broken down by in a warning, beside those of the segments."""


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of one table; a contract overrides the defaults where its table differs."""

    row_change: Threshold = Threshold(
        0.1, "Log of the ratio to the version before. A nightly load adds far less than a tenth."
    )
    null_rate: Threshold = Threshold(
        0.02, "Share of all rows. Versions of one source differ by less; a broken join changes much more."
    )
    deviations: Threshold = Threshold(
        5, "Robust standard deviations (1.4826 MAD): a normally distributed value exceeds 5 once in millions."
    )
    duplicates: Duplicates | None = None
    freshness: Freshness | None = None
    lag: Lag | None = None
    volume: Volume | None = None
    profiles: tuple[Profile, ...] = ()


OLIST_EVENTS = (
    KnownDays(date(2017, 11, 24), date(2017, 11, 26), "Black Friday 2017 and the weekend after it."),
    KnownDays(date(2018, 5, 21), date(2018, 6, 3), "Strike of Brazil's truck drivers, and the days of recovery."),
    KnownDays(
        date(2018, 8, 22), date(2018, 10, 17),
        "The published files end: orders stop within days, those of distant states, with the highest freight, first.",
        ("order_id", "customer_state", "freight_value"),
    ),
)  # fmt: skip
