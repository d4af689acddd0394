"""The sensor `orders_changed`: requests a run of the daily tables for each span of days whose orders changed."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import requests

from olist_assets.contracts.calendar import Calendar, Days, each_day, joined_spans, span_text, spans
from olist_assets.contracts.catalog import Catalog
from olist_assets.lakehouse.order_days import calendar as known_calendar
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.assets import MAX_RUNS, range_tags
from olist_assets.orchestration.job_names import DAILY, MAINTENANCE, MONITORING, STREAM
from olist_assets.redaction import link

NAME = "orders_changed"
# Jobs that make no upstream table, and the one that is always about to change some.
NOT_AWAITED = (MAINTENANCE, MONITORING, STREAM)
INTERVAL_SECONDS = 30
RELOAD_SECONDS = 30
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass
class Change:
    """Days changed by a write of an upstream table that are not written yet, and the id of that write's event."""

    table: str
    event: int
    spans: list[str]

    @property
    def days(self) -> list[date]:
        return [day for span in self.spans for day in _days_of(span)]


@dataclass
class State:
    """The sensor's cursor: the id of the last event that was read, and the changes that the daily tables lack."""

    after: int = 0
    changes: list[Change] = field(default_factory=list)
    requested: int = 0
    """The id of the last event when runs were requested last."""

    @classmethod
    def read(cls, cursor: str | None) -> "State":
        stored = json.loads(cursor) if cursor else {"after": 0, "changes": []}
        # A cursor from before order events has no `requested`.
        changes = [Change(**change) for change in stored["changes"]]
        return cls(stored["after"], changes, stored.get("requested", 0))

    @property
    def cursor(self) -> str:
        return json.dumps(asdict(self))

    @property
    def days(self) -> set[date]:
        return {day for change in self.changes for day in change.days}

    @property
    def waiting_since(self) -> int:
        """The id of the oldest change that no run was requested for; without one, of the newest change."""
        events = [change.event for change in self.changes]
        return min((event for event in events if event > self.requested), default=max(events, default=0))

    def keep(self, is_pending: Callable[[Change, date], bool]) -> None:
        """Keep only the days of changes for which the condition holds."""
        for change in self.changes:
            change.spans = list(map(span_text, spans(day for day in change.days if is_pending(change, day))))
        self.changes = [change for change in self.changes if change.spans]


def orders_changed_sensor(warehouse: Warehouse, calendar: Calendar) -> dg.SensorDefinition:
    """The sensor for a warehouse, in a code location whose daily tables have the days of `calendar`."""

    @dg.sensor(
        name=NAME,
        job_name=DAILY,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Requests one run of the daily tables per span of days whose orders changed.",
    )
    def orders_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        instance, catalog = context.instance, warehouse.catalog
        state = State.read(context.cursor)
        read_changes(instance, catalog, state)
        drop_written(instance, catalog, state)
        context.update_cursor(state.cursor)
        if not state.changes:
            return dg.SkipReason("No day has changed.")
        if waiting := unfinished(instance, catalog, state.waiting_since):
            return dg.SkipReason(f"Changed days: {len(state.days)}. They wait for: {', '.join(waiting)}.")
        known, unknown = split(state.days, calendar)
        message = _reload(context, warehouse, unknown) if unknown else None
        if not known:
            return dg.SkipReason(message)
        if message:
            context.log.info(message)
        state.requested = state.after
        context.update_cursor(state.cursor)
        # The days stay pending until they are written: those of a failed run are requested again with the next change.
        return dg.SensorResult([_run_request(days, state.after) for days in joined_spans(spans(known), MAX_RUNS)])

    return orders_changed


def _run_request(days: Days, after: int) -> dg.RunRequest:
    first, last = days
    return dg.RunRequest(run_key=f"{after}:{first}..{last}", tags=range_tags(days))


def sources_of_change(catalog: Catalog) -> list[str]:
    """The upstream tables of the daily tables that report which days they change."""
    return sorted(name for name in _upstream(catalog) if catalog.tables[name].changes_days)


def _upstream(catalog: Catalog) -> set[str]:
    """Everything that the daily tables are made from, directly or not."""
    return {name for daily in catalog.daily_tables for name in catalog.ancestors(daily)}


def split(days: set[date], calendar: Calendar) -> tuple[set[date], set[date]]:
    """The days that are partitions of the loaded code location, and the others."""
    known = {day for day in days if calendar.covers(day)}
    return known, days - known


def drop_written(instance: dg.DagsterInstance, catalog: Catalog, state: State) -> None:
    """Drop days that have been written since they changed, in every daily table that reads the changed table."""
    if not state.changes:
        return
    materialized = dg.DagsterEventType.ASSET_MATERIALIZATION
    written = {
        name: instance.get_latest_storage_id_by_partition(dg.AssetKey(name), materialized)
        for name in catalog.daily_tables
    }
    readers = {
        change.table: [name for name in catalog.daily_tables if change.table in catalog.ancestors(name)]
        for change in state.changes
    }
    state.keep(lambda change, day: any(written[name].get(str(day), 0) < change.event for name in readers[change.table]))


def _last_event_id(instance: dg.DagsterInstance, name: str) -> int:
    records = instance.fetch_materializations(dg.AssetKey(name), limit=1).records
    return records[0].storage_id if records else 0


def read_changes(instance: dg.DagsterInstance, catalog: Catalog, state: State) -> None:
    """Add the changed days of all writes since the last event, and move on to the newest event."""
    newest = state.after
    for name in sources_of_change(catalog):
        for event, changed in _writes(instance, dg.AssetRecordsFilter(dg.AssetKey(name), after_storage_id=state.after)):
            newest = max(newest, event)
            state.changes += [Change(name, event, changed)] if changed else []
    state.after = newest


def _writes(instance: dg.DagsterInstance, records: dg.AssetRecordsFilter) -> Iterator[tuple[int, list[str]]]:
    """The id of each write of a table and the spans of days that it changed, oldest first."""
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(records, limit=100, cursor=cursor, ascending=True)
        for record in page.records:
            metadata = record.asset_materialization.metadata if record.asset_materialization else {}
            changed = metadata.get("changed_days")
            days: Any = changed.value if changed else ()
            yield record.storage_id, list(days)
        if not page.has_more:
            return
        cursor = page.cursor


def _days_of(span: str) -> list[date]:
    first, _, last = span.partition("..")
    return each_day((date.fromisoformat(first), date.fromisoformat(last or first)))


def unfinished(instance: dg.DagsterInstance, catalog: Catalog, since: int) -> list[str]:
    """Daily tables that a run is about to write, and upstream tables that have to be written first.

    An upstream table has to be if a run is about to write it or it is older than one of its parents; but not if it was
    written since the event `since`: where order events change bronze all the time, it is always older again, and what
    changes later requests the days again.
    """
    upstream = _upstream(catalog)
    written = {name: _last_event_id(instance, name) for name in upstream - {*catalog.daily_tables}}
    behind = {name for name in written if any(written[parent] > written[name] for parent in catalog.parents(name))}
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        if run.job_name not in NOT_AWAITED:
            # Without a selection a run makes everything that its job has.
            made = {*catalog.daily_tables} if run.job_name == DAILY else upstream
            selected = run.asset_selection
            behind |= {name for name in made if not selected or dg.AssetKey(name) in selected}
    return sorted(name for name in behind if written.get(name, 0) < since)


def _reload(context: dg.SensorEvaluationContext, warehouse: Warehouse, unknown: set[date]) -> str:
    """Have the code location reloaded so that it knows these days; returns what was done or has to be done."""
    days = f"The days {', '.join(map(span_text, spans(unknown)))} are not partitions of the loaded code location"
    if not all(known_calendar(warehouse).covers(day) for day in unknown):
        return f"{days}, and are outside of OLIST_DAYS or of the last snapshot of the orders. They stay pending."
    location = getattr(context.code_location_origin, "location_name", None)
    if location is None:
        return f"{days}. Reload it."
    problem = reload_code_location(warehouse.settings.dagster_url.get_secret_value(), location)
    if problem is None:
        return f"{days}. It was reloaded, and the next tick requests them."
    return f"{days}, and could not be reloaded ({problem}): reload it in the UI (Deployment, Code locations)."


def reload_code_location(url: str, name: str) -> str | None:
    """Ask the webserver at an address to reload a code location; returns why it did not."""
    query = """
        mutation Reload($name: String!) {
          reloadRepositoryLocation(repositoryLocationName: $name) {
            __typename
            ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
            ... on PythonError { message }
          }
        }"""
    try:
        answer = requests.post(
            f"{url.rstrip('/')}/graphql", json={"query": query, "variables": {"name": name}}, timeout=RELOAD_SECONDS
        )
        answer.raise_for_status()
        result = answer.json()["data"]["reloadRepositoryLocation"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return f"{link(url)} does not answer ({type(error).__name__})"
    loaded = result.get("locationOrLoadError", result)
    return None if loaded["__typename"] == "RepositoryLocation" else str(loaded.get("message") or loaded["__typename"])
