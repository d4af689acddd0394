"""Whether a table is written as regularly as before, by the commits in its log."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.contracts.thresholds import Freshness
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.past_versions import write_times

COMMIT_CHECK = "commit_is_on_time"
# With fewer days with a commit, the pauses between them are no habit.
MIN_PAUSES, PAUSES, COMMITS_READ = 5, 10, 60


def commit_time_check(freshness: Freshness) -> Check:
    """The next commit is not later than the pauses between the earlier ones explain."""

    def evaluate(on: CheckContext) -> Verdict:
        times = write_times(location(on.delta), COMMITS_READ)
        due = next_commit_due(times, timedelta(hours=freshness.delay.value))
        newest = {"newest_commit": str(times[-1])} if times else {}
        if due is None:
            return True, newest | {"history": f"too short: {len(_last_of_each_day(times))} days with a commit"}
        return datetime.now(UTC) <= due, newest | {"due": str(due)}

    reason = (
        f"The newest commit is at most {freshness.delay.value:g} hours older than the longest of the last {PAUSES} "
        f"pauses between days with a commit. {freshness.delay.reason}"
    )
    return Check(COMMIT_CHECK, reason, evaluate, blocking=False)


def next_commit_due(times: Sequence[datetime], delay: timedelta) -> datetime | None:
    """The time by which the next commit was usual so far, and the delay; None if the history is too short.

    Several commits of a day count as one: somebody who reruns a table does not make a habit. The longest pause is
    meant, so that a table that is written on working days is not late on Sundays.
    """
    pauses = [after - before for before, after in pairwise(_last_of_each_day(times))][-PAUSES:]
    return times[-1] + max(pauses) + delay if len(pauses) >= MIN_PAUSES else None


def _last_of_each_day(times: Sequence[datetime]) -> list[datetime]:
    return sorted({time.date(): time for time in sorted(times)}.values())
