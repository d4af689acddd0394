"""`olist stream`: order events on their way to the bronze tables, as they arrive."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click
from rich.live import Live
from rich.text import Text

from olist_assets.cli.options import FAILED, console
from olist_assets.cli.serving import ENDING
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from olist_assets.operations.order_stream import Progress
    from olist_assets.operations.platform import Platform

SECONDS_ON_TERMINAL, SECONDS_BETWEEN_LINES = 0.5, 10.0


@click.command()
@click.option("--once", is_flag=True, help="Take what is there now, and end.")
@click.option("--skip-missing", is_flag=True, help="Go on without messages that Kafka deleted before they were read.")
@click.option("--again", is_flag=True, help="Merge all stored events again, without Kafka, and end.")
def stream(*, once: bool, skip_missing: bool, again: bool) -> int:
    """Take order events from Kafka and merge them into the bronze tables, until Ctrl-C.

    Every message is stored in bronze_order_events, and the newest event of each record decides. The changed days follow
    with the automation of `olist ui`, or by `olist materialize --stale`. It may be stopped or killed at any time, and
    continues where it was. The Kafka is that of OLIST_KAFKA, by default that of `olist broker`.

    \b
    olist stream
    olist stream --once
    olist stream --again        after olist restore of a bronze table
    """
    if again and (once or skip_missing):
        raise click.UsageError("--again reads no message, so it excludes --once and --skip-missing.")
    from olist_assets.operations.order_stream import follow, take_available
    from olist_assets.operations.platform import Platform

    platform = Platform(Settings())
    if again:
        return _merge_again(platform)
    if once:
        with console.status("Taking order events"):
            progress = take_available(platform, skip_missing=skip_missing)
        _summarize(platform, progress, "Done")
    else:
        with _stopped_by_signals() as stop, StreamProgress() as shown:
            progress = follow(platform, stop, shown.on_progress, skip_missing=skip_missing)
        _summarize(platform, progress, "Stopped")
    return 0


def _merge_again(platform: "Platform") -> int:
    from olist_assets.cli.progress import RunProgress
    from olist_assets.operations.order_stream import merge_again

    with RunProgress(console, platform) as progress:
        report = merge_again(platform, progress.on_event)
    progress.summarize(report, None)
    return 0 if report.succeeded else FAILED


@contextmanager
def _stopped_by_signals() -> Iterator[Event]:
    """An event that the first signal to end sets; a second one interrupts what is in progress."""
    stop = Event()

    def ask(*_: object) -> None:
        stop.set()
        for number in ENDING:
            signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in ENDING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StreamProgress:
    """One line that changes in a terminal; elsewhere a line now and then, if something was merged."""

    def __init__(self) -> None:
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._was_answered = True
        self._shown_at, self._shown_messages = time.monotonic(), 0

    def __enter__(self) -> Self:
        console.print("Taking order events (Ctrl-C ends it)")
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def on_progress(self, progress: "Progress") -> None:
        """Show what has changed since the last line, and once each that Kafka is away and that it is back."""
        if progress.is_answered != self._was_answered:
            self._was_answered = progress.is_answered
            console.print(
                "[green]Kafka answers again.[/]"
                if progress.is_answered
                else "[yellow]Kafka does not answer any more; waiting for it.[/]"
            )
        seconds, messages = time.monotonic() - self._shown_at, progress.messages - self._shown_messages
        if seconds < (SECONDS_ON_TERMINAL if console.is_terminal else SECONDS_BETWEEN_LINES):
            return
        line = _line(progress, messages / seconds)
        if console.is_terminal:
            self._live.update(Text(line), refresh=True)
        elif messages:
            console.print(line, soft_wrap=True)
        self._shown_at, self._shown_messages = time.monotonic(), progress.messages


def _line(progress: "Progress", rate: float) -> str:
    parts = [f"{progress.messages:,} messages, {rate:,.0f} per second"]
    if progress.lag is not None:
        parts.append(f"{progress.lag:,} waiting")
    if progress.last:
        row = progress.last.row
        parts.append(f"batch {row['batch']}: {row['rows']:,} in {row['seconds']:.1f} s")
    return " · ".join([*parts, f"{progress.rejected:,} rejected", f"{len(progress.days):,} days changed"])


def _summarize(platform: "Platform", progress: "Progress", verdict: str) -> None:
    console.print(
        f"[green]{verdict}[/]: {progress.messages:,} messages in {progress.batches} batches, "
        f"{progress.applied:,} applied, {progress.superseded:,} superseded, {progress.rejected:,} rejected, "
        f"{len(progress.days):,} days changed, {progress.seconds:.1f} s",
        soft_wrap=True,
    )
    if progress.rejected:
        console.print(
            "Next:   olist materialize --select silver_rejects (which then has the rejected messages)", soft_wrap=True
        )
    console.print(f"Tables: {platform.warehouse.root}", soft_wrap=True)
    if progress.days:
        console.print("Next:   olist materialize --stale (or the automation of olist ui)", soft_wrap=True)
