"""The sensor `orders_changed`: requests a run of the daily tables for each span of days whose orders changed."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from urllib.parse import urlparse

import dagster as dg
import requests

from olist_assets.contracts.calendar import Calendar, Days, each_day, joined_spans, span_text, spans
from olist_assets.contracts.catalog import Catalog
from olist_assets.lakehouse.order_days import calendar as known_calendar
from olist_assets.lakehouse.warehouse import Warehouse

NAME, JOB = "orders_changed", "daily"
INTERVAL_SECONDS = 30
# Beyond that, a longer span costs less than another run.
MAX_RUNS = 10
RELOAD_SECONDS = 30
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass
class State:
    """The sensor's cursor: the id of the last event that was read, and the changed days that are not requested yet."""

    after: int
    pending: list[str] = field(default_factory=list)

    @property
    def days(self) -> set[date]:
        return {date.fromisoformat(day) for day in self.pending}

    def add(self, days: Iterable[date]) -> None:
        self.pending = sorted({*self.pending, *map(str, days)})

    def remove(self, days: Iterable[date]) -> None:
        self.pending = sorted({*self.pending} - {*map(str, days)})


def orders_changed_sensor(warehouse: Warehouse, calendar: Calendar) -> dg.SensorDefinition:
    """The sensor for a warehouse, in a code location whose daily tables have the days of `calendar`."""

    @dg.sensor(
        name=NAME,
        job_name=JOB,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Requests one run of the daily tables per span of days whose orders changed.",
    )
    def orders_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        instance, catalog = context.instance, warehouse.catalog
        state = State(**json.loads(context.cursor)) if context.cursor else first_state(instance, catalog)
        read_changes(instance, catalog, state)
        context.update_cursor(json.dumps(asdict(state)))
        if not state.pending:
            return dg.SkipReason("No day has changed.")
        if waiting := unfinished_upstream(instance, catalog):
            return dg.SkipReason(f"{len(state.pending)} changed days wait for: {', '.join(waiting)}.")
        unknown = {day for day in state.days if not calendar.covers(day)}
        message = _reload(context, warehouse, unknown) if unknown else None
        known = state.days - unknown
        if not known:
            return dg.SkipReason(message)
        state.remove(known)
        if message:
            context.log.info(message)
        context.update_cursor(json.dumps(asdict(state)))
        return dg.SensorResult([_run_request(days, state.after) for days in joined_spans(spans(known), MAX_RUNS)])

    return orders_changed


def _run_request(days: Days, after: int) -> dg.RunRequest:
    first, last = map(str, days)
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.RunRequest(run_key=f"{after}:{first}..{last}", tags=tags)


def sources_of_change(catalog: Catalog) -> list[str]:
    """The upstream tables of the daily tables that report which days they change."""
    upstream = {name for daily in catalog.daily_tables for name in catalog.ancestors(daily)}
    return sorted(name for name in upstream if catalog.tables[name].source_day or catalog.tables[name].orders)


def first_state(instance: dg.DagsterInstance, catalog: Catalog) -> State:
    """What changed since the daily tables were last written is pending."""
    written = [_last_event_id(instance, name) for name in catalog.daily_tables]
    return State(after=min(written, default=0))


def _last_event_id(instance: dg.DagsterInstance, name: str) -> int:
    records = instance.fetch_materializations(dg.AssetKey(name), limit=1).records
    return records[0].storage_id if records else 0


def read_changes(instance: dg.DagsterInstance, catalog: Catalog, state: State) -> None:
    """Add the changed days of all writes since the last event, and move on to the newest event."""
    newest = state.after
    for name in sources_of_change(catalog):
        records = dg.AssetRecordsFilter(dg.AssetKey(name), after_storage_id=state.after)
        for storage_id, days in _changes(instance, records):
            newest = max(newest, storage_id)
            state.add(days)
    state.after = newest


def _changes(instance: dg.DagsterInstance, records: dg.AssetRecordsFilter) -> Iterator[tuple[int, list[date]]]:
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(records, limit=100, cursor=cursor, ascending=True)
        for record in page.records:
            metadata = record.asset_materialization.metadata if record.asset_materialization else {}
            changed = metadata.get("changed_days")
            spans_changed: list[str] = changed.value if changed else []  # pyright: ignore[reportAssignmentType]  # JSON
            yield record.storage_id, [day for span in spans_changed for day in _days_of(span)]
        if not page.has_more:
            return
        cursor = page.cursor


def _days_of(span: str) -> list[date]:
    first, _, last = span.partition("..")
    return each_day((date.fromisoformat(first), date.fromisoformat(last or first)))


def unfinished_upstream(instance: dg.DagsterInstance, catalog: Catalog) -> list[str]:
    """Upstream tables of the daily ones that a run is about to write, or that are older than their own parents."""
    daily = {*catalog.daily_tables}
    upstream = {name for table in daily for name in catalog.ancestors(table)} - daily
    written = {name: _last_event_id(instance, name) for name in upstream}
    behind = {name for name in upstream if any(written[parent] > written[name] for parent in catalog.parents(name))}
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        targets = run.asset_selection or set()
        behind |= {name for name in upstream if dg.AssetKey(name) in targets}
    return sorted(behind)


def _reload(context: dg.SensorEvaluationContext, warehouse: Warehouse, unknown: set[date]) -> str:
    """Have the code location reloaded so that it knows these days; returns what was done or has to be done."""
    days = f"The days {', '.join(map(span_text, spans(unknown)))} are not partitions of the loaded code location"
    if not all(known_calendar(warehouse).covers(day) for day in unknown):
        return f"{days}, and are outside of OLIST_DAYS or of the last snapshot of the orders. They stay pending."
    location = getattr(context.code_location_origin, "location_name", None)
    if location is None:
        return f"{days}. Reload it."
    problem = reload_code_location(warehouse.settings.dagster_url.rstrip("/"), location)
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
            f"{url}/graphql", json={"query": query, "variables": {"name": name}}, timeout=RELOAD_SECONDS
        )
        answer.raise_for_status()
        result = answer.json()["data"]["reloadRepositoryLocation"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return f"{urlparse(url).netloc} does not answer ({type(error).__name__})"
    loaded = result.get("locationOrLoadError", result)
    return None if loaded["__typename"] == "RepositoryLocation" else str(loaded.get("message") or loaded["__typename"])
