"""Consumers, a batch run and maintenance at the same time, each a process of its own. Run by `make test-stream`."""

import subprocess

import pytest

from olist_assets.catalog import catalog
from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.source_reader import SourceReader
from olist_assets.kafka.connection import Kafka
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.platform import Platform
from olist_assets.order_events.stream import EventStream
from olist_assets_tests.conftest import make
from olist_assets_tests.faults.conftest import OLIST, inherited
from olist_assets_tests.rows import stored_rows
from olist_assets_tests.streaming_faults.conftest import ended, send_files, take
from olist_assets_tests.streaming_faults.equality import assert_equals_files, assert_every_event_counts
from olist_assets_tests.streaming_faults.events import Sending, event, order, send, short_lived

pytestmark = pytest.mark.stream
ROUNDS = 1


def olist(settings, *words):
    return subprocess.Popen(
        [OLIST, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=inherited(settings)
    )


def test_everything_at_once_ends_in_the_tables_of_a_batch_run(streamed, consumer, finished):
    """The first events of every table come before the first run: from then on, no run reads a file."""
    warehouse = Warehouse(streamed, catalog())
    send_files(streamed)
    take(consumer)
    for number in range(ROUNDS):
        send(streamed, short_lived(50, first_seq=1_000_000 * (number + 1)))
        send_files(streamed)
        at_once = [
            consumer("--messages", "2000"),
            consumer("--messages", "3000"),
            olist(streamed, "materialize"),
            olist(streamed, "maintain"),
        ]
        results = [ended(process, 600) for process in at_once]
        assert [text[-3_000:] for code, text in results if code] == []
    take(consumer)
    assert_equals_files(warehouse, streamed.data)
    code, text = ended(olist(streamed, "materialize"), 600)
    assert code == 0, text
    for name in warehouse.catalog.business_tables:
        # Each run trains the models anew, so that their tables have other versions.
        if warehouse.catalog.table(name).layer in ("silver", "gold"):
            expected = stored_rows(finished.warehouse, name)
            found = stored_rows(warehouse, name)
            if name == "silver_rejects":
                found = [row for row in found if "'bad_event'" not in row]
            assert found == expected, name


def test_a_batch_run_does_not_bring_back_what_was_deleted_meanwhile(streamed):
    """It has read the events before the deletion, and writes after it."""
    platform, name = Platform(streamed), "bronze_orders"
    stream = EventStream(platform.warehouse, platform.engine, Kafka.of(streamed))
    send(streamed, [Sending("a", event("c", 1, **order("a"))), Sending("b", event("c", 2, **order("b")))])
    stream.take_available()
    before = SourceReader(platform.warehouse, platform.engine, allow_change=False).read(SOURCES["orders"])
    send(streamed, [Sending("a", event("d", 3, order_id="a"))])
    stream.take_available()
    manager = DeltaIOManager(
        warehouse=platform.warehouse, engine=platform.engine, schema_policy=SchemaPolicy(), calendar=platform.calendar
    )
    manager.store(before, platform.catalog.table(name), None, {"run_id": "late"})
    assert stored_orders(platform.warehouse) == ["b"]
    make(platform, name)
    assert stored_orders(platform.warehouse) == ["b"]
    assert_every_event_counts(platform.warehouse)


def stored_orders(warehouse):
    return warehouse.rows(warehouse.open("bronze_orders"), "order_id")["order_id"].to_pylist()
