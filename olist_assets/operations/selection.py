"""What a run is asked to make: tables by selection, days of the daily ones, and what they need that does not exist."""

from collections.abc import Iterable
from datetime import date

import dagster as dg

from olist_assets.contracts.calendar import Days, each_day, span_text, spans
from olist_assets.errors import OlistError
from olist_assets.jobs import MONITORED, STREAMED
from olist_assets.mlops.flavours import flavour_of
from olist_assets.mlops.registry import champion_version, client, versions_of
from olist_assets.operations.platform import Platform


def selected(platform: Platform, selection: str) -> set[str]:
    """Assets of a selection in Dagster's own syntax; commas unite. Raises OlistError if a part matches nothing."""
    chosen: set[str] = set()
    for part in (part.strip() for part in selection.split(",")):
        try:
            # These are run by `olist monitor` and `olist stream`.
            found = platform.names_of(dg.AssetSelection.from_string(part) - MONITORED - STREAMED)
        except dg.DagsterError:
            found = set()
        if not found:
            known = sorted(platform.names_of(dg.AssetSelection.all() - MONITORED - STREAMED))
            raise OlistError(f"The selection {part!r} matches no table. Tables: {', '.join(known)}.")
        chosen |= found
    return chosen


def with_downstream(platform: Platform, chosen: Iterable[str]) -> set[str]:
    """The assets and all that are made from them."""
    return platform.names_of(dg.AssetSelection.assets(*chosen).downstream())


def assets_to_make(platform: Platform, selection: str, days: Days, *, upstream: bool, downstream: bool) -> set[str]:
    """The selected assets, those made from them, and missing ones that they read, as asked for.

    Raises OlistError that names missing upstream assets, unless `upstream` includes them.
    """
    chosen = selected(platform, selection)
    if downstream:
        chosen = with_downstream(platform, chosen)
    if upstream:
        return with_missing_parents(platform, chosen, days)
    if missing := missing_parents(platform, chosen, days):
        listed = "; ".join(f"{name} ({what})" for name, what in missing.items())
        raise OlistError(f"Missing, and read by the selected tables: {listed}. Include them by --upstream.")
    return chosen


def checked_days(platform: Platform, days: Days) -> Days:
    """The span, if it is within the known days. Raises OlistError."""
    first, last = days
    if first > last:
        raise OlistError(f"The days run backwards: {first}..{last}.")
    if not (platform.calendar.covers(first) and platform.calendar.covers(last)):
        raise OlistError(
            f"{span_text(days)} is not within the days of the data: {span_text(platform.calendar.days)}. "
            "Days that the source has gained are known after: olist materialize --select bronze_orders"
        )
    return days


def missing_parents(platform: Platform, chosen: set[str], days: Days) -> dict[str, str]:
    """Assets outside the selection that it reads and that do not exist: what is missing of each, by name."""
    missing: dict[str, str] = {}
    daily = platform.catalog.daily_tables
    for name in sorted(chosen):
        for parent in sorted(set(platform.catalog.parents(name)) - chosen):
            if not _exists(platform, parent):
                missing[parent] = "never made"
            elif name in daily and parent in daily:
                existing = existing_days(platform, parent)
                if gaps := [day for day in each_day(days) if day not in existing]:
                    missing[parent] = f"not made for {', '.join(map(span_text, spans(gaps)))}"
    return missing


def with_missing_parents(platform: Platform, chosen: set[str], days: Days) -> set[str]:
    """The assets and, back to the source, those that they read and that do not exist."""
    while missing := missing_parents(platform, chosen, days):
        chosen = chosen | set(missing)
    return chosen


def existing_days(platform: Platform, name: str) -> set[date]:
    """Days of a daily table that have rows, or that Dagster recorded as materialized: a day may have no row."""
    day = platform.catalog.table(name).day
    assert day is not None
    with_rows = platform.warehouse.rows_by_day(platform.warehouse.open(name), day)
    with platform.instance() as storage:
        recorded = storage.get_materialized_partitions(dg.AssetKey(name))
    return {date.fromisoformat(key) for key in {*with_rows, *recorded}}


def _exists(platform: Platform, name: str) -> bool:
    if name in platform.catalog.tables:
        return platform.catalog.table(name).is_optional or bool(platform.warehouse.existing_tables([name]))
    mlflow, flavour = client(platform.settings), flavour_of(platform.settings)
    if name in platform.catalog.promotions:
        return champion_version(mlflow, platform.catalog.promotions[name].model, flavour) is not None
    return bool(versions_of(mlflow, platform.catalog.models[name], flavour))
