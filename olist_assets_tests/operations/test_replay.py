"""The faults of a replay, which follow from its seed, and its messages in Kafka."""

import json
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from olist_assets.errors import OlistError
from olist_assets.kafka.messages import Messages
from olist_assets.kafka.topic import watermarks
from olist_assets.operations import replay as module
from olist_assets.operations.replay import Faults, Outgoing, Sent, _paced, messages
from olist_assets.operations.replayed_events import Event
from olist_assets.settings import Address, Conf, Settings

ALL = Faults(duplicates=0.02, late=0.01, disorder=500, broken=0.001, seed=7)
TS = "2017-01-01 10:00:00"
EVENTS = [Event("orders", n, TS, "c", f"o{n}", f'{{"order_id":"o{n}"}}', n) for n in range(1, 50_001)]


def found(faults: Faults, events: Sequence[Event] = EVENTS) -> list[Outgoing]:
    return list(messages(events, faults))


def numbers(sent: Sequence[Outgoing]) -> list[int]:
    return [json.loads(message.value)["seq"] for message in sent]


def test_without_faults_each_event_is_one_message():
    first = found(Faults(), EVENTS[:1])[0]
    assert json.loads(first.value) == {
        "table": "orders", "op": "c", "seq": 1, "ts": TS, "after": {"order_id": "o1"},
    }  # fmt: skip
    assert first.key == b"o1"
    assert [message.key for message in found(Faults())] == [f"o{event.seq}".encode() for event in EVENTS]


def test_debeziums_envelope_has_the_same_in_its_own_members():
    (message,) = messages(EVENTS[:1], Faults(), "debezium")
    assert json.loads(message.value)["payload"] == {
        "op": "c", "ts_ms": 1000, "before": None, "after": {"order_id": "o1"}, "source": {"table": "orders", "lsn": 1},
    }  # fmt: skip


def test_faults_have_their_shares_and_lose_nothing():
    sent = found(ALL)
    kinds = Counter(message.kind for message in sent)
    assert kinds["event"] + kinds["late"] == len(EVENTS)
    assert kinds["duplicate"] == pytest.approx(1000, abs=150)
    assert kinds["late"] == pytest.approx(500, abs=100)
    assert kinds["broken"] == pytest.approx(50, abs=30)
    decodable = numbers([message for message in sent if message.kind != "broken"])
    assert set(decodable) == {event.seq for event in EVENTS}


def test_the_same_seed_gives_the_same_messages_and_another_one_gives_others():
    assert found(ALL) == found(ALL)
    assert found(ALL) != found(Faults(0.02, 0.01, 500, 0.001, seed=8))


def test_disorder_stays_in_its_windows():
    keys = numbers(found(Faults(disorder=100)))
    assert keys != sorted(keys)
    assert all(sorted(keys[at : at + 100]) == [*range(at + 1, at + 101)] for at in range(0, len(keys), 100))


def test_late_messages_are_no_later_than_the_limit():
    behind = [at - number for at, number in enumerate(numbers(found(Faults(late=0.01))), 1)]
    assert max(behind) > 1_000
    assert max(behind) <= module.MAX_DELAY


@pytest.mark.parametrize("form", ["plain", "debezium"])
def test_no_reader_can_decode_a_broken_message(form):
    broken = {message.value for message in messages(EVENTS[:50], Faults(broken=1.0), form) if message.kind == "broken"}
    for value in broken:
        try:
            event = json.loads(value)
        except ValueError:
            continue
        complete = isinstance(event.get("seq"), int) and isinstance(event.get("after"), dict)
        assert not (complete and event.get("table") in ("orders", None))
    assert len(broken) > 20


def test_speed_divides_the_time_between_events_and_a_wrong_year_does_not_stop_it(monkeypatch):
    waits = list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    times = [-30_000_000_000.0, 0.0, 86_400.0, 43_200.0]
    sent = list(_paced([Outgoing("orders", "event", at, None, b"") for at in times], 86_400.0, wait))
    assert [message.seconds for message in sent] == times
    assert sum(waits) == pytest.approx(31 + 1)


@pytest.fixture
def connected(settings, kafka) -> Settings:
    return settings.model_copy(
        update={
            "kafka": Address(kafka.servers), "kafka_conf": Conf(dict(kafka.conf)), "kafka_topic": kafka.topic,
        }
    )  # fmt: skip


def test_replay_sends_everything_that_it_says(olist_with, connected, kafka):
    code, text = olist_with(connected)("replay", "--select", "orders,geolocation", "--duplicates", "0.1")
    assert code == 0, text
    ((_, end),) = watermarks(kafka).values()
    assert f"Sent {end:,} messages in" in text
    with Messages(kafka, {}) as read:
        values = [value for batch in read.read_until({0: end}) for value in batch.column("value").to_pylist()]
    events = [json.loads(value) for value in values]
    times_sent = Counter(event["seq"] for event in events)
    assert sorted(times_sent) == [*range(1, len(times_sent) + 1)]
    assert {event["table"] for event in events} == {"orders", "geolocation"}
    assert 0.05 < sum(count - 1 for count in times_sent.values()) / len(times_sent) < 0.15


def test_limit_ends_it_early(olist_with, connected, kafka):
    code, text = olist_with(connected)("replay", "--limit", "10", "--speed", "1e12")
    assert (code, "Sent 10 messages" in text) == (0, True), text
    assert watermarks(kafka) == {0: (0, 10)}


def test_an_interrupted_replay_has_delivered_what_it_counted(connected, kafka, monkeypatch):
    def interrupt(_: Sent) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "MESSAGES_PER_REPORT", 100)
    sent = Sent()
    with pytest.raises(KeyboardInterrupt):
        module.replay(connected, ["orders"], Faults(), sent=sent, on_progress=interrupt)
    assert sent.total == 100
    assert watermarks(kafka) == {0: (0, 100)}


def test_a_message_that_kafka_does_not_take_is_an_error(connected, monkeypatch):
    monkeypatch.setattr(module, "messages", lambda *_: [Outgoing("orders", "event", 0, None, b"x" * (17 << 20))])
    with pytest.raises(OlistError, match="too large"):
        module.replay(connected, ["orders"], Faults(), sent=Sent(), on_progress=lambda _: None)


def test_an_unknown_file_is_named(olist):
    code, text = olist("replay", "--select", "orders,invoices")
    assert (code, "There is no file for invoices" in text) == (2, True), text
