"""The OpenLineage events of `olist stream`: one run of a streaming job, sent beside it."""

from threading import Event
from typing import Any

import dagster as dg
import pytest

from olist_assets.errors import OlistError
from olist_assets.lineage.stream_run import stream_run
from olist_assets.operations.order_stream import Progress, follow, take_available
from olist_assets.operations.platform import Platform
from olist_assets_tests.lineage.receiver import METADATA, receiving
from olist_assets_tests.order_events.events import order, send_orders, settings_for
from olist_assets_tests.servers import wait_until

WRITTEN = dg.AssetMaterialization("bronze_order_events", metadata=METADATA)


@pytest.fixture
def warned() -> list[str]:
    return []


def states(events: list[dict[str, Any]]) -> list[str]:
    return [event["eventType"] for event in events]


def names(event: dict[str, Any], side: str) -> set[str]:
    return {dataset["name"].rsplit("/")[-1] for dataset in event[side]}


def test_a_stream_is_one_run_from_its_start_until_it_is_stopped(kafka, settings, sent_to_file, spark):
    del spark  # the platform's engine finds it running
    platform, stop = Platform(settings_for(kafka, settings)), Event()
    send_orders(kafka, order(1))

    def on_progress(progress: Progress) -> None:
        if progress.messages:
            stop.set()

    follow(platform, stop, on_progress)
    events = sent_to_file()
    assert states(events) == ["START", "RUNNING", "COMPLETE"]
    assert len({event["run"]["runId"] for event in events}) == 1
    for event in events:
        assert (event["job"]["namespace"], event["job"]["name"]) == ("olist", "order_events")
        assert event["job"]["facets"]["jobType"]["processingType"] == "STREAMING"
        (topic,) = event["inputs"]
        assert (topic["namespace"], topic["name"]) == (f"kafka://{kafka.servers}", kafka.topic)
    assert names(events[0], "outputs") == set()
    written = {"bronze_order_events", "bronze_orders", "monitoring_stream"}
    assert names(events[1], "outputs") == names(events[2], "outputs") == written
    messages, orders = (
        next(each for each in events[-1]["outputs"] if each["name"].endswith(f"/{name}"))
        for name in ("bronze_order_events", "bronze_orders")
    )
    assert messages["outputFacets"]["outputStatistics"]["rowCount"] == 1
    (origin,) = messages["facets"]["columnLineage"]["fields"]["value"]["inputFields"]
    assert (origin["name"], origin["field"]) == (kafka.topic, "value")
    (origin,) = orders["facets"]["columnLineage"]["fields"]["order_id"]["inputFields"]
    assert (origin["name"], origin["field"]) == (messages["name"], "value")


def test_what_is_taken_once_is_a_run_too(kafka, settings, sent_to_file, spark):
    del spark
    send_orders(kafka, order(1))
    take_available(Platform(settings_for(kafka, settings)))
    assert states(sent_to_file()) == ["START", "RUNNING", "COMPLETE"]


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (OlistError("The disk is full."), "FAIL", "The disk is full."),
        (ZeroDivisionError("of a value"), "FAIL", "ZeroDivisionError"),
        (KeyboardInterrupt(), "ABORT", None),
    ],
)
def test_an_error_ends_the_run_with_its_reason(warehouse, sent_to_file, warned, error, state, reason):
    with pytest.raises(type(error)), stream_run(warehouse, warned.append):
        raise error
    *_, last = sent_to_file()
    assert last["eventType"] == state
    assert last["run"]["facets"].get("errorMessage", {}).get("message") == reason
    assert warned == []


def test_a_receiver_that_comes_later_gets_the_start_and_all_tables(warehouse, port, warned):
    with stream_run(warehouse, warned.append) as on_write:
        for _ in range(3):
            on_write([WRITTEN])
        on_write([])
        with receiving(port) as receiver:
            on_write([dg.AssetMaterialization("bronze_tombstones", metadata=METADATA)])
            wait_until(lambda: len(receiver.accepted) >= 2, "the events are accepted")
            first, *_, last = [event for _, event in receiver.accepted]
    assert (first["eventType"], last["eventType"]) == ("START", "RUNNING")
    assert names(last, "outputs") == {"bronze_order_events", "bronze_tombstones"}
    # Nobody answers at its end.
    (text,) = warned
    assert "the receiver does not answer" in text
    assert "secret" not in text


def test_a_stream_does_not_wait_for_a_receiver(warehouse, port, warned, monkeypatch):
    sending, answered = Event(), Event()

    def emit(*_: object) -> None:
        sending.set()
        assert answered.wait(60)

    monkeypatch.setattr("openlineage.client.OpenLineageClient.emit", emit)
    with stream_run(warehouse, warned.append) as on_write:
        assert sending.wait(60)
        on_write([WRITTEN])
        answered.set()
    assert warned == []
