"""What a run is asked to make: tables by selection, days of the daily ones, and what they need that is not there."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import dagster as dg

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import models, table, tables
from olist_assets.definitions import defs
from olist_assets.errors import OlistError
from olist_assets.orchestration.instance import instance
from olist_assets.jobs import DAILY_TABLES, MONITORED
from olist_assets.partitions import FIRST_DAY, LAST_DAY
from olist_assets.mlops.registry import champion_version, client
from olist_assets.settings import Settings

Days = tuple[date, date]
ALL_DAYS: Days = (FIRST_DAY, LAST_DAY)


def selected(selection: str) -> set[str]:
    """Tables of a selection in Dagster's own syntax; commas unite. Raises OlistError when it names nothing."""
    graph = defs.resolve_asset_graph()
    chosen: set[dg.AssetKey] = set()
    for part in (part.strip() for part in selection.split(",")):
        try:
            # What monitors the tables is no table: `olist monitor` runs it.
            found = (dg.AssetSelection.from_string(part) - MONITORED).resolve(graph)
        except dg.DagsterError:
            found = set()
        if not found:
            raise OlistError(
                f"The selection {part!r} matches no table. Tables: {', '.join(sorted(tables() | models()))}."
            )
        chosen |= found
    return _names(chosen)


def with_downstream(chosen: Iterable[str]) -> set[str]:
    """The tables and all that are made from them."""
    return _names(dg.AssetSelection.assets(*chosen).downstream().resolve(defs.resolve_asset_graph()))


def tables_to_make(selection: str, days: Days, *, upstream: bool, downstream: bool) -> set[str]:
    """The selected tables, those made from them, and missing ones that they read, as asked for.

    Raises OlistError that names what they read and is not there, unless `upstream` has it made.
    """
    chosen = selected(selection)
    if downstream:
        chosen = with_downstream(chosen)
    with instance() as storage:
        if upstream:
            return with_missing_parents(chosen, checked_days(days), storage)
        missing = missing_parents(chosen, checked_days(days), storage)
    if missing:
        listed = "; ".join(f"{name} ({what})" for name, what in missing.items())
        raise OlistError(f"Not there, and read by what you want made: {listed}. Have it made too: --upstream.")
    return chosen


def checked_days(days: Days) -> Days:
    """The span, once it lies in the data's days. Raises OlistError."""
    first, last = days
    if first > last:
        raise OlistError(f"The days run backwards: {first}..{last}.")
    if first < FIRST_DAY or last > LAST_DAY:
        raise OlistError(f"{first}..{last} is not within the days of the data: {FIRST_DAY}..{LAST_DAY}.")
    return days


def missing_parents(chosen: set[str], days: Days, storage: dg.DagsterInstance) -> dict[str, str]:
    """Tables outside the selection that it reads and that are not there: what is missing of each, by name."""
    graph, missing = defs.resolve_asset_graph(), {}
    for name in sorted(chosen):
        for parent in sorted(_names(graph.get(dg.AssetKey(name)).parent_keys) - chosen):
            if not _is_made(parent):
                missing[parent] = "never made"
            elif name in DAILY_TABLES and parent in DAILY_TABLES:
                made = days_made(parent, storage)
                gaps = [day for day in each_day(days) if day not in made]
                if gaps:
                    missing[parent] = f"not made for {', '.join(map(span_text, spans(gaps)))}"
    return missing


def with_missing_parents(chosen: set[str], days: Days, storage: dg.DagsterInstance) -> set[str]:
    """The tables and, back to the source, those that they read and that are not there."""
    while missing := missing_parents(chosen, days, storage):
        chosen = chosen | set(missing)
    return chosen


def days_made(name: str, storage: dg.DagsterInstance) -> set[date]:
    """Days of a daily table that have rows, or that Dagster saw made: a day may have none."""
    delta = lakehouse.open_table(Settings(), name)
    day = str(table(name).cluster_by)
    with_rows = lakehouse.rows_by_day(delta, name, day, "true")
    return {date.fromisoformat(key) for key in {*with_rows, *storage.get_materialized_partitions(dg.AssetKey(name))}}


def each_day(days: Days) -> list[date]:
    """The days of a span, both ends included."""
    first, last = days
    return [first + timedelta(at) for at in range((last - first).days + 1)]


def spans(days: Iterable[date]) -> list[Days]:
    """Sorted days as spans without gaps."""
    found: list[Days] = []
    for day in sorted(days):
        if found and day - found[-1][1] == timedelta(1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def at_most(limit: int, found: list[Days]) -> list[Days]:
    """The spans, those with the smallest gaps between them joined until there are no more than the limit."""
    joined = list(found)
    while len(joined) > limit:
        gaps = [(later[0] - earlier[1]).days for earlier, later in pairwise(joined)]
        at = gaps.index(min(gaps))
        joined[at : at + 2] = [(joined[at][0], joined[at + 1][1])]
    return joined


def span_text(days: Days) -> str:
    """As the command line takes it: a day, or A..B."""
    return str(days[0]) if days[0] == days[1] else f"{days[0]}..{days[1]}"


def _is_made(name: str) -> bool:
    if name in models():
        return champion_version(client(Settings()), models()[name]) is not None
    return bool(lakehouse.made(Settings(), [name]))


def _names(keys: Iterable[dg.AssetKey]) -> set[str]:
    return {key.to_user_string() for key in keys}
