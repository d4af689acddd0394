"""How far a table may be from its own history before a check warns. Each threshold states its reason."""

from dataclasses import dataclass


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
    """The newest day in `column` may be `lag` days behind the last day of purchase, or behind OLIST_AS_OF."""

    column: str
    lag: Threshold = Threshold(0, "The table holds everything that the source has.")


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
    volume: Volume | None = None
