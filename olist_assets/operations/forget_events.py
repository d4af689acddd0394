"""A customer erased from the order events: from the messages as they are stored, and from the deleted keys."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from olist_assets.engine.write_plan import Write
from olist_assets.governance.erasing import Found
from olist_assets.governance.erasures import Erasures
from olist_assets.governance.traces import Traces
from olist_assets.kafka.connection import Kafka
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.operations.platform import Platform
from olist_assets.order_events.batches import EVENTS, TOMBSTONES
from olist_assets.order_events.erasing import EventErasure
from olist_assets.order_events.stream import EventStream

Report = Callable[[str], None]


def stored_events(platform: Platform) -> set[str]:
    """The tables of order events that exist."""
    return set(platform.warehouse.existing_tables([EVENTS, TOMBSTONES]))


def merges_finished(platform: Platform) -> AbstractContextManager[None]:
    """All stored messages are merged, and none while the body runs: an unfinished merge needs its old files."""
    if EVENTS not in stored_events(platform):
        return nullcontext()
    stream = EventStream(platform.warehouse, platform.engine, Kafka.of(platform.settings))
    return stream.all_merged("olist forget")


def erase_events(platform: Platform, traces: Traces, texts: Iterable[str], report: Report) -> None:
    """Rewrite the messages and the deleted keys; the person is on the list of erasures."""
    existing, listed = stored_events(platform), Erasures(platform.warehouse)
    if EVENTS in existing:
        replacements = {known: token for known in traces.ids if (token := listed.token(known))}
        erasure = EventErasure(platform.warehouse, platform.engine)
        changed = erasure.rewrite(EVENTS, Found(replacements, traces.records), texts)
        report(f"Erased from {changed:,} messages of {EVENTS}.")
    if TOMBSTONES in existing:
        _erase_tombstones(platform)
        report(f"Erased from {TOMBSTONES}.")


def _erase_tombstones(platform: Platform) -> None:
    """Replace the ids of erased customers among the deleted keys by their tokens."""
    warehouse = platform.warehouse
    path, contract = warehouse.path(TOMBSTONES), platform.catalog.table(TOMBSTONES)
    with warehouse.lock(path, "olist forget"):
        stored = warehouse.open(TOMBSTONES)
        with warehouse.sql({TOMBSTONES: stored}) as con:
            listed = Erasures(warehouse)
            known = listed.listed(con, f"SELECT trim(key) AS word FROM {TOMBSTONES}")
            tokens = listed.found_with(known).replacements
            if not tokens:
                return
            con.execute("CREATE TEMP TABLE tokens AS SELECT unnest($1) AS id, unnest($2) AS token",
                        [list(tokens), list(tokens.values())])  # fmt: skip
            rows = con.sql(
                'SELECT "table", coalesce(token, key) AS key, max(source_sequence) AS source_sequence, '
                f"arg_max(deleted_at, source_sequence) AS deleted_at FROM {TOMBSTONES} "
                "LEFT JOIN tokens ON lower(trim(key)) = id GROUP BY ALL"
            ).to_arrow_table()
        frame = platform.engine.session.createDataFrame(rows)
        change = schema_change(shape(stored), contract)
        platform.engine.write(path, contract, Write(frame), change, user_metadata(forget=True))
