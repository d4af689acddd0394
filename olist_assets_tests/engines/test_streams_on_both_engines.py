"""Order events end in the same tables on both engines, also where one continues what the other has begun."""

import json
from typing import Any, NamedTuple

import pytest

from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.choice import engine_of
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import create
from olist_assets.operations.platform import Platform
from olist_assets.operations.replay import Faults, Sent, replay
from olist_assets.settings import Settings
from olist_assets_tests.conftest import environment, make, settings_in
from olist_assets_tests.engines import answers
from olist_assets_tests.engines.comparison import compared
from olist_assets_tests.engines.sail import ON_SAIL
from olist_assets_tests.kafka.sending import send

pytestmark = [pytest.mark.spark, pytest.mark.stream, pytest.mark.timeout(600)]
BRONZE = [f"bronze_{subject}" for subject in SOURCES]
STREAMED = (*BRONZE, "bronze_order_events", "bronze_tombstones")
REJECTS = "silver_rejects"
FAULTS = Faults(duplicates=0.02, late=0.01, disorder=100, broken=0.01)
LATE = 1_000_000_000
"""A sequence number that is higher than all those of a replay."""


class Streamed(NamedTuple):
    """A topic with everything, and the warehouses that took it: Sail and Spark at once, the last one in turn."""

    on_sail: Platform
    on_spark: Platform
    in_turn: Platform


def event(op: str, seq: int, **after: str | None) -> bytes:
    found: dict[str, Any] = {"table": "orders", "op": op, "seq": seq}
    return json.dumps(found | ({"after": after} if after else {})).encode()


def send_what_a_replay_does_not_have(kafka: Kafka) -> None:
    """Deletions and what comes late after them, a new column, a marker of a deleted key, bytes that are not UTF-8."""
    created, late = event("c", LATE, order_id="deleted"), event("u", LATE + 1, order_id="deleted")
    send(kafka, [created, event("d", LATE + 2), late], key=b"deleted")
    again = event("c", LATE + 1, order_id="created again", new_column="1")
    send(kafka, [event("d", LATE), again], key=b"created again")
    send(kafka, [event("d", LATE), None], key=b"never seen")
    send(kafka, [b'{"table": "orders", "op": "c", "seq": 1, "after": {"order_id": "\xff\xed\xa0\x80"}}', b"\xc3"])


@pytest.fixture(scope="module")
def streamed(spark, ask, broker, dirty_sample, tmp_path_factory) -> Streamed:
    kafka = broker.kafka("both_engines")
    create(kafka)

    def settings() -> Settings:
        folder = tmp_path_factory.mktemp("streamed")
        return settings_in(folder, dirty_sample, kafka=kafka.servers, kafka_topic=kafka.topic)

    def on_spark(of: Settings) -> list[int]:
        return answers.took(engine_of(of), variables(of))

    def on_sail(of: Settings) -> list[int]:
        return ask("took", variables(of) | ON_SAIL)

    sail, both, turns = settings(), settings(), settings()
    for limit, take in ((1_000, on_spark), (2_000, on_sail), (None, on_spark)):
        replay(turns, [*SOURCES], FAULTS, limit=limit, sent=Sent(), on_progress=lambda _: None)
        if limit is None:
            send_what_a_replay_does_not_have(kafka)
        assert take(turns)
    assert on_sail(sail) == on_spark(both)
    return Streamed(Platform(sail), Platform(both), Platform(turns))


def variables(settings: Settings) -> dict[str, str]:
    return environment(settings) | {"OLIST_CACHE": str(settings.cache)}


@pytest.mark.parametrize("name", STREAMED)
def test_the_tables_are_equal(streamed, name):
    for other in (streamed.on_spark, streamed.in_turn):
        found = compared(name, streamed.on_sail.warehouse, other.warehouse)
        assert found.differences == []
        assert found.rows


def test_the_batches_are_equal(streamed):
    def counts(platform: Platform) -> list[tuple]:
        with platform.warehouse.sql({"batches": platform.warehouse.open("monitoring_stream")}) as con:
            return con.sql(
                "SELECT batch, offsets_to, rows, applied, superseded, rejected, days_touched FROM batches"
            ).fetchall()

    assert counts(streamed.on_sail) == counts(streamed.on_spark)


def test_what_cannot_be_read_ends_in_the_same_rejects(streamed, olist_on_sail):
    code, text = olist_on_sail(streamed.on_sail.settings, "materialize", "--select", REJECTS)
    assert code == 0, text
    report = make(streamed.in_turn, REJECTS)
    assert report.succeeded, report
    assert compared(REJECTS, streamed.on_sail.warehouse, streamed.in_turn.warehouse).differences == []
    with streamed.on_sail.warehouse.sql({"rejects": streamed.on_sail.warehouse.open(REJECTS)}) as con:
        ((bad,),) = con.sql("SELECT count(*) FROM rejects WHERE reason = 'bad_event'").fetchall()
    assert bad > 20


def test_a_new_column_and_deletions_are_as_the_events_say(streamed):
    warehouse = streamed.in_turn.warehouse
    tables = warehouse.existing_tables(("bronze_orders", "bronze_tombstones"))
    with warehouse.sql(tables) as con:
        created = con.sql("SELECT order_id, new_column FROM bronze_orders WHERE new_column IS NOT NULL").fetchall()
        deleted = con.sql('SELECT "key", source_sequence FROM bronze_tombstones ORDER BY 1').fetchall()
        ((stored,),) = con.sql("SELECT count(*) FROM bronze_orders WHERE order_id = 'deleted'").fetchall()
    assert created == [("created again", "1")]
    assert deleted == [("created again", LATE), ("deleted", LATE + 2), ("never seen", LATE)]
    assert stored == 0
