"""Whether order events are complete and in time: offsets without gaps, batches that add up, and how late they are."""

import json
from datetime import UTC
from statistics import median
from typing import Any

from olist_assets.checks.robust import MIN_PAST, spread
from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.thresholds import Lag, Threshold
from olist_assets.lakehouse.feeds import Offsets
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.past_versions import write_times
from olist_assets.lakehouse.sql import create_view
from olist_assets.lakehouse.statistics import data_files

LAG_CHECK = "stream_lag_is_usual"
REJECTS = "silver_rejects"
BATCHES_COMPARED, GAPS_NAMED = 30, 10


def contiguous_check(column: str, key: tuple[str, ...]) -> Check:
    """Numbers follow each other within the rest of the key."""
    number, names = identifier(column), [name for name in key if name != column]
    others = ", ".join(map(identifier, names))
    gaps = (
        f"SELECT {others}, {number}, {number} - lag({number}) OVER (PARTITION BY {others} ORDER BY {number}) - 1 AS n "
        f"FROM {{table}} QUALIFY n > 0 ORDER BY {others}, {number}"
    )

    def evaluate(on: CheckContext) -> Verdict:
        count, missing = on.rows(f"SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM ({gaps})")[0]
        named = [
            {**dict(zip(names, others, strict=True)), "missing": n, f"before_{column}": at}
            for *others, at, n in on.rows(f"{gaps} LIMIT {GAPS_NAMED}")
        ]
        return count == 0, {"gaps": count, "missing": missing, "first_gaps": named}

    # A warning: transactions and compaction leave gaps in a topic.
    description = f"Within {' and '.join(names)}, no {column} is missing between the first and the last one."
    return Check(f"{column}s_are_contiguous", description, evaluate, blocking=False)


def lost_event_check(events: str) -> Check:
    """Every message that the batches passed is counted once, and as one of three."""
    # A topic or a partition that the batch before did not know may begin anywhere.
    begins_there = "json_contains(offsets_from, end_before)"
    numbers = f"""
        SELECT count(*) FILTER (rows <> applied + superseded + rejected),
               count(*) FILTER (before IS NOT NULL AND (batch <> before + 1 OR NOT {begins_there})),
               coalesce(sum(rows), 0)::BIGINT, coalesce(sum(rejected), 0)::BIGINT, max(committed_at)
        FROM (SELECT *, lag(batch) OVER batches AS before, lag(offsets_to) OVER batches AS end_before
              FROM {{table}} WINDOW batches AS (PARTITION BY "query" ORDER BY batch))"""

    def evaluate(on: CheckContext) -> Verdict:
        unbalanced, not_adjoining, counted, rejected, finished = on.rows(numbers)[0]
        stored = on.scalar(f'SELECT count(*) FROM {_with_ends(on, events)} WHERE "offset" < following')
        found: dict[str, Any] = {"messages": stored, "counted": counted, "rejected": rejected}
        found |= {"batches_that_do_not_add_up": unbalanced, "batches_that_do_not_adjoin": not_adjoining}
        is_rejected = True
        if (rejects := on.warehouse.existing_tables([REJECTS]).get(REJECTS)) and finished:
            written = write_times(location(rejects), 1)
            if written and written[0] > finished.astimezone(UTC):
                create_view(on.sql, REJECTS, rejects, data_files(rejects))
                found["in_silver_rejects"] = _rejects_before_the_end(on, events)
                is_rejected = found["in_silver_rejects"] == rejected
        return not unbalanced and not not_adjoining and stored == counted and is_rejected, found

    description = (
        f"Every message of {events} before the end of the last batch is in exactly one batch, as applied, superseded "
        f"or rejected; the rejected ones are in {REJECTS} as soon as it is newer."
    )
    return Check("no_event_is_lost", description, evaluate, reads=(events,))


def lag_check(events: str, lag: Lag, deviations: Threshold) -> Check:
    """The newest batch was not later than usual, and no message waits for one."""

    def evaluate(on: CheckContext) -> Verdict:
        newest, *past = [
            s for (s,) in on.rows(f"SELECT lag_seconds FROM {{table}} ORDER BY batch DESC LIMIT {BATCHES_COMPARED + 1}")
        ] or [0.0]
        waiting, seconds = on.rows(
            f"SELECT count(*), coalesce(extract(epoch FROM now() - min(ingestion_timestamp)), 0)::BIGINT "
            f'FROM {_with_ends(on, events)} WHERE "offset" >= following'
        )[0]
        found = {"lag_seconds": newest, "messages_waiting": waiting, "seconds_waited": seconds}
        limit = None
        if len(past) >= MIN_PAST:
            limit = median(past) + max(lag.floor.value, deviations.value * spread(past))
            found["usual_up_to_seconds"] = round(limit, 3)
        is_late = limit is not None and newest > limit
        return not is_late and seconds <= lag.waiting.value, found

    description = (
        f"The newest batch is not later than the {BATCHES_COMPARED} before explain, or by {lag.floor.value:g} seconds. "
        f"{lag.floor.reason} No stored message waits for {lag.waiting.value:g}. {lag.waiting.reason}"
    )
    return Check(LAG_CHECK, description, evaluate, blocking=False, reads=(events,))


def _rejects_before_the_end(on: CheckContext, events: str) -> int:
    of_events = (
        "SELECT split_part(key, '/', 1) AS topic, split_part(key, '/', 2)::INT AS \"partition\", "
        f'split_part(key, \'/\', 3)::BIGINT AS "offset" FROM {REJECTS} WHERE "table" = {literal(events)}'
    )
    return on.scalar(f'SELECT count(*) FROM {_with_ends(on, f"({of_events})")} WHERE "offset" < following')


def _with_ends(on: CheckContext, messages: str) -> str:
    """SQL: messages with the offset `following` the last one of their partition that a batch has; 0 without one."""
    ends = on.rows('SELECT arg_max(offsets_to, batch) FROM {table} GROUP BY "query"')
    found: Offsets = json.loads(ends[0][0]) if ends else {}
    values = [
        f"({literal(topic)}, {partition}, {following})"
        for topic, of_topic in found.items()
        for partition, following in of_topic.items()
    ]
    listed = ", ".join([*values, "(NULL, NULL, NULL)"])
    return (
        f"(SELECT m.*, coalesce(e.following, 0) AS following FROM {messages} m "
        f'LEFT JOIN (VALUES {listed}) e(topic, "partition", following) USING (topic, "partition"))'
    )
