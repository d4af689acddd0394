"""A topic that loses messages, is created again, grows, or whose broker dies. Run by `make test-stream`."""

import signal

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from olist_assets.catalog import catalog
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import create, delete_records
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.broker import running_broker
from olist_assets_tests.conftest import settings_in
from olist_assets_tests.servers import free_port, wait_until
from olist_assets_tests.streaming_faults.conftest import ended, send_files, start_consumer, take
from olist_assets_tests.streaming_faults.equality import assert_equals_files, assert_every_event_counts
from olist_assets_tests.streaming_faults.events import Sending, event, order, send

pytestmark = pytest.mark.stream


@pytest.fixture
def warehouse(streamed):
    return Warehouse(streamed, catalog())


def orders(*numbers, first_seq=1):
    """New orders, in partition 0."""
    return [Sending(f"o{n}", event("c", first_seq + n, **order(f"o{n}")), 0) for n in numbers]


def stored_orders(warehouse):
    with warehouse.sql({"t": warehouse.open("bronze_orders")}) as con:
        return [row for (row,) in con.sql("SELECT order_id FROM t ORDER BY length(order_id), order_id").fetchall()]


def delete_topic(settings):
    kafka = Kafka.of(settings)
    admin = AdminClient(kafka.client_options)
    admin.delete_topics([kafka.topic])[kafka.topic].result(10)


def test_messages_that_retention_removed_are_named_and_skipped_on_request_only(streamed, warehouse, consumer):
    send(streamed, orders(0, 1))
    take(consumer)
    send(streamed, orders(2, 3, 4))
    delete_records(Kafka.of(streamed), {0: 4})
    code, text = ended(consumer())
    assert code == 1
    assert f"Kafka has deleted the offsets 2 to 3 of partition 0 of {streamed.kafka_topic} before" in text
    assert "--skip-missing" in text
    assert stored_orders(warehouse) == ["o0", "o1"]
    code, text = ended(consumer("--skip-missing"))
    assert code == 0, text
    assert "the offsets 2 to 3 of partition 0" in text
    assert stored_orders(warehouse) == ["o0", "o1", "o4"]
    send(streamed, orders(5))
    take(consumer)
    assert stored_orders(warehouse) == ["o0", "o1", "o4", "o5"]


@pytest.mark.parametrize("words", [[], ["--skip-missing"]])
@pytest.mark.parametrize("more", [0, 5])
def test_a_topic_created_again_is_refused_and_another_name_goes_on(streamed, warehouse, consumer, words, more):
    send(streamed, orders(0, 1))
    take(consumer)
    delete_topic(streamed)
    create(Kafka.of(streamed), partitions=2)
    # With more messages than before, the stored offset exists again.
    new = orders(*range(2, 3 + more))
    send(streamed, new)
    code, text = ended(consumer(*words))
    assert code == 1
    assert "was deleted and created again" in text
    assert "set OLIST_KAFKA_TOPIC" in text
    assert stored_orders(warehouse) == ["o0", "o1"]
    renamed = streamed.model_copy(update={"kafka_topic": f"{streamed.kafka_topic}.new"})
    create(Kafka.of(renamed), partitions=2)
    send(renamed, new)
    code, text = ended(start_consumer(renamed))
    assert code == 0, text
    assert stored_orders(warehouse) == ["o0", "o1", *(sent.key for sent in new)]
    assert_every_event_counts(warehouse)


def test_partitions_that_are_added_are_read_from_their_first_message(streamed, warehouse, consumer):
    send(streamed, orders(0, 1))
    take(consumer)
    admin, topic = AdminClient(Kafka.of(streamed).client_options), streamed.kafka_topic
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result(10)
    send(streamed, [sent._replace(partition=n) for n, sent in enumerate(orders(*range(2, 6)))])
    take(consumer)
    assert stored_orders(warehouse) == [f"o{n}" for n in range(6)]
    assert_every_event_counts(warehouse)


def test_partition_whose_offsets_begin_high_is_one_batch(streamed, warehouse, consumer):
    send(streamed, [Sending("x", b"", 0)] * 5_000)
    delete_records(Kafka.of(streamed), {0: 5_000})
    send(streamed, orders(0, 1))
    (row,) = take(consumer, "--messages", "100")
    assert (row["rows"], row["applied"]) == (2, 2)


def test_what_a_transaction_took_back_never_appears(streamed, warehouse, consumer):
    kafka = Kafka.of(streamed)
    producer = Producer({**kafka.client_options, "transactional.id": kafka.topic})
    producer.init_transactions()
    for number, end in enumerate([producer.commit_transaction, producer.abort_transaction] * 3):
        producer.begin_transaction()
        for key, value, partition, _ in orders(number):
            producer.produce(kafka.topic, value, key, partition)
        producer.flush()
        end()
    take(consumer)
    take(consumer)
    assert stored_orders(warehouse) == ["o0", "o2", "o4"]
    assert_every_event_counts(warehouse)


def test_a_broker_that_is_killed_and_comes_back_has_and_gets_everything(tmp_path, sample):
    port, folder, topic = free_port(), tmp_path / "kafka", "orders"
    settings = settings_in(tmp_path, sample, kafka=f"127.0.0.1:{port}", kafka_topic=topic, engine="sail")
    warehouse = Warehouse(settings, catalog())
    with running_broker(folder, port, settings.cache) as broker:
        create(broker.kafka(topic))
        send_files(settings)
        process = start_consumer(settings, "--messages", "500")
        wait_until(lambda: "bronze_order_events" in warehouse.existing_tables(["bronze_order_events"]), "a commit")
        broker.process.send_signal(signal.SIGKILL)
        broker.process.wait()
        code, text = ended(process)
    # Either it had read all of them already, or it says what is wrong.
    assert code == 0 or f"No Kafka answers at 127.0.0.1:{port}" in text, text
    with running_broker(folder, port, settings.cache):
        code, text = ended(start_consumer(settings))
        assert code == 0, text
    assert_equals_files(warehouse, sample)
