"""What the stream of order events costs: a catch-up from an empty warehouse, then events at a steady rate.

With a broker of its own on the loopback address; see --help. Its figures are in docs/streaming.md.
"""

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import quantiles

import click
import psutil
from confluent_kafka import Producer

from bench.harness import engine_option, environment, settings_of
from olist_assets.engine.upkeep import footprint
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import create
from olist_assets.lakehouse.connection import connection
from olist_assets.operations.broker import running_broker
from olist_assets.operations.platform import Platform
from olist_assets.operations.replay import Faults, Sent, messages, replay
from olist_assets.operations.replayed_events import order_events
from olist_assets.order_events.stream import EventStream, Merged
from olist_assets.private_files import scratch
from olist_assets.settings import SAMPLE_DATA, EngineName, Settings

FAULTS = Faults(duplicates=0.02, late=0.01, disorder=500, broken=0.001)
ORDERS = ["orders"]
# After so many seconds without a message, all of them have arrived.
SECONDS_OF_REST = 5.0


@click.command()
@click.option("--data", type=click.Path(path_type=Path), envvar="OLIST_DATA", default=SAMPLE_DATA, show_default=True)
@engine_option
@click.option("--port", default=9292, show_default=True, help="Of the broker.")
@click.option("--cold", type=int, help="Orders' events of the catch-up.  [default: all]")
@click.option("--rate", default=0, show_default=True, help="Events per second after it, from the --cold ones on.")
@click.option("--minutes", default=10.0, show_default=True, help="How long events come at this rate.")
def main(data: Path, engine: EngineName, port: int, cold: int | None, rate: int, minutes: float) -> None:
    """Time the events of the orders: from the topic to bronze_order_events, and from there to bronze_orders.

    The catch-up has 2 % duplicates, 1 % late messages, all in disorder, and 0.1 % that are no events. CPU seconds are
    those of this process, so without the broker's and Spark's; with --rate it also produces the events.

    \b
    python -m bench.order_events --data brazilian-ecommerce.zip
    python -m bench.order_events --data brazilian-ecommerce.zip --cold 340000 --rate 100
    """
    with tempfile.TemporaryDirectory(prefix="olist-bench-") as folder:
        found = settings_of(environment(data, Path(folder, "home"), engine))
        settings = found.model_copy(update={"kafka_topic": "bench"})
        with running_broker(Path(folder, "kafka"), port, settings.cache, fresh=True) as broker:
            kafka = broker.kafka(settings.kafka_topic)
            create(kafka)
            send = settings.model_validate(settings.model_dump() | {"kafka": kafka.servers})
            replay(send, ORDERS, FAULTS, limit=cold, sent=(sent := Sent()), on_progress=lambda _: None)
            click.echo(f"{sent.total:,} messages in the topic\n{'':<32}{'seconds':>9}{'CPU':>9}{'per second':>12}")
            platform = Platform(settings)
            stream = EventStream(platform.warehouse, platform.engine, kafka)
            _catch_up(platform, stream, sent.total)
            if rate:
                _follow(platform, stream, Paced(settings, kafka, sent.total, cold or 0, rate, minutes))


@contextmanager
def measured(what: str, count: int = 0) -> Iterator[None]:
    """Print what the body cost, and its rate."""
    started, cpu = time.monotonic(), time.process_time()
    yield
    seconds = time.monotonic() - started
    rate = f"{count / seconds:,.0f}" if count else ""
    click.echo(f"{what:<32}{seconds:>9.1f}{time.process_time() - cpu:>9.1f}{rate:>12}")


def _catch_up(platform: Platform, stream: EventStream, count: int) -> None:
    with measured("catch-up", count):
        with measured("  start of the engine"):
            platform.engine.session.range(1).collect()
        with measured("  topic to bronze_order_events", count):
            stream.append_available()
        with measured("  merged into bronze_orders", count):
            batches = [*stream.merge_stored()]
    for name in ("applied", "superseded", "rejected"):
        click.echo(f"{name}: {sum(batch.row[name] for batch in batches):,}")


@dataclass(eq=False)
class Paced(threading.Thread):
    """Produces events at a steady rate, and remembers when it sent each."""

    settings: Settings
    kafka: Kafka
    first_offset: int
    first_event: int
    rate: int
    minutes: float
    sent_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        producer = Producer({**self.kafka.client_options, "linger.ms": 5})
        with connection(self.settings.duckdb_memory, scratch() / "bench") as con:
            events = islice(order_events(con, self.settings, ORDERS), self.first_event, None)
            started = time.monotonic()
            for number, message in enumerate(messages(events, Faults())):
                due = started + number / self.rate
                if due > started + 60 * self.minutes:
                    break
                time.sleep(max(0.0, due - time.monotonic()))
                self.sent_at.append(time.time())
                producer.produce(self.kafka.topic, message.value, message.key)
                producer.poll(0)
        producer.flush()


def _follow(platform: Platform, stream: EventStream, producer: Paced) -> None:
    """Take events as they are produced; print how long each took to be in bronze_orders, memory and files."""
    process, late, batches = psutil.Process(), list[float](), 0
    started = minute = last = time.monotonic()
    click.echo(
        f"\n{'minute':>6}{'events':>9}{'batches':>9}{'p50':>7}{'p95':>7}{'max':>7}{'RSS MB':>8}{'files':>7}{'GB':>7}"
    )

    def report() -> None:
        size = footprint(platform.warehouse, "bronze_orders")
        cuts = quantiles(late, n=20) if len(late) > 1 else [0.0] * 19
        click.echo(
            f"{(time.monotonic() - started) / 60:>6.1f}{len(late):>9,}{batches:>9,}{cuts[9]:>7.2f}{cuts[18]:>7.2f}"
            f"{max(late, default=0):>7.2f}{process.memory_info().rss / 1e6:>8.0f}{size.files_on_disk:>7,}"
            f"{size.bytes_on_disk / 1e9:>7.2f}"
        )

    def on_batch(merged: Merged | None) -> bool:
        nonlocal batches, minute, last
        if merged:
            batches, last = batches + 1, time.monotonic()
            late.extend(_latencies(merged, producer))
        if time.monotonic() - minute > 60:
            minute = time.monotonic()
            report()
        return producer.is_alive() or time.monotonic() - last < SECONDS_OF_REST

    producer.start()
    with measured("steady rate"):
        stream.run(on_batch)
    report()
    size = footprint(platform.warehouse, "bronze_orders")
    click.echo(f"bronze_orders: {size.files} files, {size.bytes / 1e6:.0f} MB; with all versions {size.files_on_disk} "
               f"files, {size.bytes_on_disk / 1e6:,.0f} MB")  # fmt: skip


def _latencies(merged: Merged, producer: Paced) -> Iterator[float]:
    """Seconds from the production of each message of a batch to its last commit."""
    topic, committed = producer.kafka.topic, merged.row["committed_at"].timestamp()
    first, following = (json.loads(merged.row[name])[topic]["0"] for name in ("offsets_from", "offsets_to"))
    for offset in range(first, following):
        if offset >= producer.first_offset:
            yield committed - producer.sent_at[offset - producer.first_offset]


if __name__ == "__main__":
    main()
