"""A process that takes the order events which a topic has; `consumer.py --help` lists its options.

It prints the row of each batch as JSON. With `--kill` it kills itself when it has reached a point for the first time;
with `--messages`, commits and batches have so many messages at most. Its settings are those of the environment.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import click

from olist_assets.engine.sail import messages
from olist_assets.engine.sail.engine import SailEngine
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.operations.platform import Platform
from olist_assets.order_events import stream
from olist_assets.settings import Settings


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def merged_into(name: str) -> Callable[..., bool]:
    return lambda _, path, *__: path.name == name


def always(*_: Any) -> bool:
    return True


# What is called at a point, whether it is killed before or after it, and of which calls.
POINTS: dict[str, tuple[Any, str, str, Callable[..., bool]]] = {
    "before append": (messages, "write_delta", "before", always),
    "after append": (messages, "write_delta", "after", always),
    "after creation": (SailEngine, "create_empty", "after", always),
    "after tombstones": (SailEngine, "merge", "after", merged_into("bronze_tombstones")),
    "before a merge": (SailEngine, "merge", "before", merged_into("bronze_orders")),
    "after a merge": (SailEngine, "merge", "after", merged_into("bronze_customers")),
    "after all merges": (stream, "append_derived", "before", always),
    "after a batch": (stream, "append_derived", "after", always),
    "joining files": (SailEngine, "optimize", "before", always),
}


def kill_at(point: str) -> None:
    """Make this process kill itself at a point."""
    owner, name, when, concerns = POINTS[point]
    original = getattr(owner, name)

    def killing(*args: Any, **options: Any) -> Any:
        if when == "before" and concerns(*args):
            die()
        result = original(*args, **options)
        if concerns(*args):
            die()
        return result

    setattr(owner, name, killing)


def wrong(seconds: float) -> type[datetime]:
    """A clock that is wrong by so many seconds."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # pyright: ignore[reportIncompatibleMethodOverride]
            return datetime.now(tz) + timedelta(seconds=seconds)

    return Wrong


@click.command()
@click.option("--kill", type=click.Choice([*POINTS]))
@click.option("--messages", "at_once", type=int)
@click.option("--skip-missing", is_flag=True)
@click.option("--clock", type=float, help="Seconds by which the clock is wrong.")
def main(kill: str | None, at_once: int | None, *, skip_missing: bool, clock: float | None) -> None:
    if at_once:
        messages.MAX_MESSAGES = stream.MAX_MESSAGES = at_once
        # So that so few messages have files to join.
        stream.SMALL_FILES = 2
    if clock:
        messages.datetime = stream.datetime = wrong(clock)
    if kill:
        kill_at(kill)
    platform = Platform(Settings())
    events = stream.EventStream(platform.warehouse, platform.engine, Kafka.of(platform.settings), skip_missing)
    write_line("ready")
    try:
        for batch in events.take_available():
            write_line(json.dumps(batch.row, default=str))
    except OlistError as error:
        sys.exit(str(error))


def write_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
