"""The OpenLineage events of runs, and that a receiver that does not answer or refuses them loses none."""

from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from deltalake import Transaction, write_deltalake

from olist_assets.lakehouse.commit_metadata import commit_properties
from olist_assets.lakehouse.feeds import FED_BY
from olist_assets.lineage.events import send_new
from olist_assets.lineage.receiver import NotDelivered
from olist_assets.orchestration.job_names import STREAM
from olist_assets_tests.lineage.conftest import TRANSPORT
from olist_assets_tests.lineage.receiver import METADATA, receiving, run


def states(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["job"]["name"], event["eventType"]) for event in events]


def test_run_and_its_table_start_and_complete(storage, sent_to_file, warehouse):
    run_id = run(storage)
    assert send_new(storage, warehouse) == 1
    events = sent_to_file()
    (job, _), *middle, _ = states(events)
    assert states(events) == [(job, "START"), *middle, (job, "COMPLETE")]
    assert middle == [("silver_orders", "START"), ("silver_orders", "COMPLETE")]
    assert {event["job"]["namespace"] for event in events} == {"olist"}
    assert [event["eventTime"] for event in events] == sorted(event["eventTime"] for event in events)
    whole, _, step, _ = events
    assert whole["run"]["runId"] == run_id
    assert step["run"]["facets"]["parent"]["run"]["runId"] == run_id


def test_failed_run_gives_the_reason(storage, sent_to_file, warehouse):
    run(storage, fails=True)
    send_new(storage, warehouse)
    events = sent_to_file()
    assert [state for _, state in states(events)] == ["START", "START", "FAIL", "FAIL"]
    _, _, step, whole = events
    assert "the disk is gone" in step["run"]["facets"]["errorMessage"]["message"]
    assert "silver_orders" in whole["run"]["facets"]["errorMessage"]["message"]


def test_step_without_an_end_is_aborted_with_its_run(storage, sent_to_file, warehouse):
    @dg.asset
    def silver_orders() -> None: ...

    job = dg.Definitions(assets=[silver_orders]).resolve_implicit_global_asset_job_def()
    canceled = storage.create_run_for_job(job)
    storage.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.STEP_START.value, job.name, step_key="silver_orders"), canceled.run_id
    )
    storage.report_run_canceled(canceled)
    send_new(storage, warehouse)
    assert [state for _, state in states(sent_to_file())] == ["START", "START", "ABORT", "ABORT"]


def test_each_run_is_sent_once(storage, sent_to_file, warehouse):
    run(storage)
    assert (send_new(storage, warehouse), send_new(storage, warehouse)) == (1, 0)
    run(storage, "bronze_sellers")
    assert send_new(storage, warehouse) == 1
    assert len(sent_to_file()) == 8


def test_tables_of_the_stream_come_from_the_topic_and_the_messages(storage, sent_to_file, warehouse):
    @dg.op
    def take(context: dg.OpExecutionContext) -> None:
        for name in ("bronze_order_events", "bronze_orders"):
            context.log_event(dg.AssetMaterialization(name, metadata=METADATA))

    @dg.job(name=STREAM)
    def stream() -> None:
        take()

    path = warehouse.path("bronze_orders")
    write_deltalake(
        path, pa.table({"order_id": ["1"]}), commit_properties=commit_properties("", Transaction(FED_BY, 0))
    )
    stream.execute_in_process(instance=storage)
    send_new(storage, warehouse)
    events = sent_to_file()
    assert states(events)[1:-1] == [
        ("bronze_order_events", "START"), ("bronze_order_events", "COMPLETE"),
        ("bronze_orders", "START"), ("bronze_orders", "COMPLETE"),
    ]  # fmt: skip
    messages, orders = events[2], events[4]
    (topic,) = messages["inputs"]
    assert (topic["namespace"], topic["name"]) == ("kafka://127.0.0.1:9092", "olist.order_events")
    (table,) = messages["outputs"]
    assert [each["name"] for each in orders["inputs"]] == [table["name"]]
    (origin,) = orders["outputs"][0]["facets"]["columnLineage"]["fields"]["order_id"]["inputFields"]
    assert (origin["name"], origin["field"]) == (table["name"], "value")


def test_receiver_gets_each_event(storage, port, warehouse):
    run(storage)
    with receiving(port) as receiver:
        send_new(storage, warehouse)
    assert [path for path, _ in receiver.accepted] == ["/api/v1/lineage"] * 4


def test_receiver_that_does_not_answer_loses_nothing(storage, port, warehouse):
    run(storage)
    with pytest.raises(NotDelivered, match=r"does not answer.*the next run or tick sends them") as refused:
        send_new(storage, warehouse)
    assert "secret" not in str(refused.value)
    with receiving(port) as receiver:
        assert send_new(storage, warehouse) == 1
    assert len(receiver.accepted) == 4


def test_refused_events_are_sent_again_and_the_secret_in_the_address_is_not_shown(storage, port, warehouse):
    with receiving(port) as receiver:
        run(storage)
        send_new(storage, warehouse)
        receiver.status = 401
        second = run(storage, "bronze_sellers")
        with pytest.raises(NotDelivered, match="the receiver answered 401") as refused:
            send_new(storage, warehouse)
        assert "secret" not in str(refused.value)
        receiver.status = 201
        assert send_new(storage, warehouse) == 1
    assert len(receiver.accepted) == 8
    assert receiver.accepted[4][1]["run"]["runId"] == second


def test_configuration_that_the_library_refuses_is_a_message(storage, warehouse, monkeypatch):
    monkeypatch.setenv(f"{TRANSPORT}TYPE", "http")
    run(storage)
    with pytest.raises(NotDelivered, match="`url` key not passed"):
        send_new(storage, warehouse)
