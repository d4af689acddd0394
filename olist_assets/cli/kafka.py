"""Commands for Kafka: a broker for trying, and the files as a stream of events."""

from typing import TYPE_CHECKING, get_args

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from olist_assets.cli.options import FAILED, INTERRUPTED, Number, console
from olist_assets.cli.serving import run_here
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from olist_assets.operations.replay import Sent

SHARE, POSITIVE = Number(0, 1), Number(0, min_open=True)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=9092, show_default=True)
@click.option("--fresh", is_flag=True, help="Delete the messages of earlier starts.")
def broker(port: int, *, fresh: bool) -> int:
    """Run an Apache Kafka of one node on the loopback address, with the topic of the order events; Ctrl-C ends it.

    Needs Java. Its messages stay in the warehouse until --fresh. It asks for a password, which your own commands find
    in OLIST_CACHE. For any other Kafka, set OLIST_KAFKA and OLIST_KAFKA_CONF instead.

    \b
    olist broker
    olist broker --fresh --port 9192
    """
    from olist_assets.kafka.own_broker import PORT, password_file
    from olist_assets.kafka.topic import create
    from olist_assets.operations.broker import broker_folder, running_broker

    settings, ended = Settings(), False
    folder = broker_folder(settings)

    def run() -> None:
        nonlocal ended
        with (
            console.status("Starting Kafka") as status,
            running_broker(folder, port, settings.cache, fresh=fresh) as running,
        ):
            kafka = running.kafka(settings.kafka_topic)
            create(kafka)
            status.stop()
            console.print(f"{kafka.topic} at {kafka.servers}, kept in {folder} (Ctrl-C ends it)", soft_wrap=True)
            console.print(f"Its password is in {password_file(settings.cache, port)}", soft_wrap=True)
            if port != PORT:
                console.print(f"Let other commands find it: export OLIST_KAFKA={kafka.servers}", soft_wrap=True)
            console.print("Next:   olist stream, olist replay")
            running.process.wait()
            ended = True

    run_here(run)
    if ended:
        console.print(f"[red]Kafka's process has ended; its log is {folder / 'logs' / 'broker.log'}[/]", soft_wrap=True)
        return FAILED
    console.print("Stopped.")
    return 0


@click.command()
@click.option("--select", help="Names of files, such as orders,order_items.  [default: all nine]")
@click.option("--speed", type=Number(0, min_open=True), help="86400 is a day per second.  [default: no pause]")
@click.option("--duplicates", type=SHARE, default=0.0, help="Share of messages that are sent twice, such as 0.02.")
@click.option("--late", type=SHARE, default=0.0, help="Share of messages that are held back for a random time.")
@click.option("--disorder", type=click.IntRange(0), default=0, help="Shuffle the messages in windows of this many.")
@click.option("--broken", type=SHARE, default=0.0, help="Share of additional messages that cannot be decoded.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same messages.")
@click.option("--limit", type=click.IntRange(0), help="Send the first so many events only.")
@click.option("--format", "form", type=click.Choice(["plain", "debezium"]), default="plain", show_default=True)
def replay(
    *,
    select: str | None,
    speed: float | None,
    duplicates: float,
    late: float,
    disorder: int,
    broken: float,
    seed: int,
    limit: int | None,
    form: str,
) -> int:
    """Send the nine files to Kafka as events, in the order of their times; the same files give the same events.

    The Kafka is that of OLIST_KAFKA, by default that of `olist broker`.

    \b
    olist replay
    olist replay --select orders,order_items --speed 86400
    olist replay --duplicates 0.02 --late 0.01 --disorder 500 --broken 0.001
    """
    from olist_assets.contracts.source_files import SOURCES
    from olist_assets.operations.replay import Faults, Format, Sent
    from olist_assets.operations.replay import replay as send

    tables = [name.strip() for name in select.split(",")] if select else list(SOURCES)
    faults, sent = Faults(duplicates, late, disorder, broken, seed), Sent()
    form_of_events = next(known for known in get_args(Format) if known == form)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} messages"), TimeElapsedColumn(),
        console=console, transient=True,
    )  # fmt: skip
    task = bar.add_task("reading", total=None)
    code = 0
    try:
        with bar:
            send(
                Settings(), tables, faults, form=form_of_events, speed=speed, limit=limit, sent=sent,
                on_progress=lambda so_far: bar.update(task, description="sending", completed=so_far.total),
            )  # fmt: skip
    except KeyboardInterrupt:
        console.print("Stopped.")
        code = INTERRUPTED
    _summarize(sent)
    return code


def _summarize(sent: "Sent") -> None:
    kinds = ("event", "late", "duplicate", "broken", "unparsed")
    table = Table("table", *(f"{kind}s" if kind in ("event", "duplicate") else kind for kind in kinds))
    for name in sorted({name for name, _ in sent.messages}):
        table.add_row(name, *(f"{sent.messages[name, kind]:,}" for kind in kinds))
    console.print(table)
    rate = sent.total / sent.seconds if sent.seconds else 0
    console.print(f"Sent {sent.total:,} messages in {sent.seconds:.1f} s ({rate:,.0f} per second)")
