"""OpenLineage events of `olist stream`, which is no run of Dagster: one run of a streaming job until it is stopped.

They are sent as things happen, beside the stream, which never waits for a receiver. Each event has all tables written
so far: where a receiver was away, the next event has what it missed.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
from openlineage.client.event_v2 import OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import RunFacet, error_message_run

from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.lineage.datasets import inputs, output
from olist_assets.lineage.receiver import NotDelivered, job, receiver
from olist_assets.order_events.batches import EVENTS
from olist_assets.order_events.stream import QUERY
from olist_assets.redaction import redacted

OnWrite = Callable[[Iterable[dg.AssetMaterialization]], None]


@contextmanager
def stream_run(warehouse: Warehouse, warn: Callable[[str], object]) -> Iterator[OnWrite]:
    """A run that starts and ends with the body, which names the tables that it has written.

    It warns at the end if the last events were not delivered.
    """
    run = _StreamRun(warehouse)
    try:
        with ThreadPoolExecutor(1, "lineage") as sender:
            sender.submit(run.send, run.event(RunState.START))

            def on_write(tables: Iterable[dg.AssetMaterialization]) -> None:
                if run.add(tables):
                    sender.submit(run.send, run.event(RunState.RUNNING))

            try:
                yield on_write
            except BaseException as error:
                sender.submit(run.send, run.failed(error))
                raise
            sender.submit(run.send, run.event(RunState.COMPLETE)).result()
    finally:
        if run.problem:
            warn(run.problem)


@dataclass
class _StreamRun:
    """The run, the tables that it has written, and the events that no receiver has accepted yet."""

    warehouse: Warehouse
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    problem: str | None = None
    _written: dict[str, OutputDataset] = field(default_factory=dict)
    _waiting: list[RunEvent] = field(default_factory=list)

    def add(self, tables: Iterable[dg.AssetMaterialization]) -> bool:
        """Take written tables into account; returns whether there are any."""
        found = {table.asset_key.to_user_string(): table for table in tables}
        for name, table in found.items():
            metadata = {field: value.value for field, value in table.metadata.items()}
            self._written[name] = output(self.warehouse.catalog.table(name), self.warehouse, metadata)
        return bool(found)

    def event(self, state: RunState, problem: str | None = None) -> RunEvent:
        """An event of this moment."""
        facets: dict[str, RunFacet] = {}
        if problem:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(problem, "PYTHON")
        return RunEvent(
            eventTime=datetime.now(UTC).isoformat(),
            eventType=state,
            run=Run(self.id, facets),
            job=job(QUERY, "JOB", "STREAMING", "OLIST"),
            inputs=inputs(self.warehouse.catalog.table(EVENTS), self.warehouse),
            outputs=list(self._written.values()),
        )

    def failed(self, error: BaseException) -> RunEvent:
        """The event of an end by an error, or by somebody who interrupts it."""
        if not isinstance(error, Exception):
            return self.event(RunState.ABORT)
        return self.event(
            RunState.FAIL, redacted(str(error)) if isinstance(error, OlistError) else type(error).__name__
        )

    def send(self, event: RunEvent) -> None:
        """Send an event, and before it those that were not accepted; called by one thread."""
        if self._waiting and self._waiting[-1].eventType is RunState.RUNNING:
            # The new event has its tables too.
            self._waiting.pop()
        self._waiting.append(event)
        try:
            with receiver("The stream goes on without them.") as client:
                while self._waiting:
                    client.emit(self._waiting[0])
                    self._waiting.pop(0)
            self.problem = None
        except NotDelivered as error:
            self.problem = str(error)
