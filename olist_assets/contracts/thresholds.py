"""What is usual for a table: how far it may be from its own history before a check warns. Each limit has its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A threshold of a check, and why it stands there."""

    value: float
    reason: str


@dataclass(frozen=True)
class Duplicates:
    """Rows that repeat a business `key`, where nothing makes it unique; `rate` is of all rows, 0 to 1."""

    key: tuple[str, ...]
    rate: Limit = Limit(0.0, "The published files repeat none.")


@dataclass(frozen=True)
class Freshness:
    """The newest day in `column` may be `lag` days behind the source's last day of purchase, or OLIST_AS_OF."""

    column: str
    lag: Limit = Limit(0, "It holds all that the source has.")


@dataclass(frozen=True)
class Volume:
    """`measure`, summed a day of `day`, beside what the weekday and the level of the weeks before let expect."""

    day: str
    measure: str
    change: Limit = Limit(0.4, "Log of the ratio: half more or a third fewer. Olist's weekdays differ less.")
    least: Limit = Limit(
        20, "Orders a day. Below it chance alone doubles a day: 2016 and small samples are not judged."
    )
    settles: Limit = Limit(
        14, "Days. Newer orders are not delivered yet (the median takes 10 days), so their days grow."
    )


@dataclass(frozen=True)
class Usual:
    """The limits of one table; a contract overrides what is different there."""

    row_change: Limit = Limit(0.1, "Log of the ratio to the version before. A nightly load adds far less than a tenth.")
    null_rate: Limit = Limit(0.02, "Of all rows. Versions of one source differ by less; a broken join by much more.")
    deviations: Limit = Limit(
        5, "Robust standard deviations (1.4826 MAD): a normal value is beyond 5 once in millions."
    )
    duplicates: Duplicates | None = None
    freshness: Freshness | None = None
    volume: Volume | None = None
