"""A run in a terminal: one line per table, a bar for the whole run, a summary at the end."""

import time
from types import TracebackType
from typing import Self

import dagster as dg
from dagster import DagsterEventType
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from olist_assets.contracts.calendar import span_text
from olist_assets.operations.platform import Platform
from olist_assets.operations.runs import Request, RunReport

CHECKS = "_checks"


class RunProgress:
    """Prints the events of a run; plain lines if there is no terminal."""

    def __init__(self, console: Console, platform: Platform) -> None:
        self._console, self._platform = console, platform
        self._started = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None)
        self._running: list[str] = []

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_event(self, report: RunReport, event: dg.DagsterEvent) -> None:
        """Print what an event changes."""
        step = str(event.step_key)
        match event.event_type:
            case DagsterEventType.STEP_START:
                self._running.append(step)
                self._show(report, 0)
            case DagsterEventType.STEP_SUCCESS:
                self._running.remove(step)
                self._show(report, 1)
                self._bar.print(_line(report, step))
            case DagsterEventType.STEP_FAILURE:
                self._running.remove(step)
                self._show(report, 1)
                self._bar.print(f"[red]✗[/] {step:<40} {escape(report.failures[step])}")
            case _:
                pass

    def _show(self, report: RunReport, ended: int) -> None:
        first, more = "".join(self._running[:1]), len(self._running) - 1
        named = f"{first} +{more}" if more > 0 else first
        self._bar.update(self._task, description=named, total=len(report.planned), advance=ended)

    def summarize(self, report: RunReport, request: Request | None) -> None:
        """Print the end of a run: what was made, what is wrong, where the tables are, what to do next."""
        out, seconds = self._console.print, time.monotonic() - self._started
        for check in [*report.failed_checks, *report.warnings]:
            colour = "red" if check in report.failed_checks else "yellow"
            metrics = ", ".join(f"{name} {value.value}" for name, value in check.metadata.items())
            out(f"[{colour}]✗ {check.asset_key.to_user_string()}: {check.check_name}[/] ({escape(metrics)})")
        if report.problem:
            out(f"[red]✗[/] {escape(report.problem)}")
        if report.not_run:
            out(f"[red]Not run because of the above:[/] {', '.join(report.not_run)}")
        if request and not report.succeeded:
            for name in (name for name in self._platform.catalog.daily_tables if name in report.planned):
                state = "written" if name in report.rows else "unchanged; run the command again to write it"
                out(f"  {span_text(request.days)} of {name}: {state}")
        for notice in report.notices:
            out(f"[yellow]{escape(notice)}[/]", soft_wrap=True)
        passed = f"{sum(check.passed for check in report.checks)} of {len(report.checks)} checks passed"
        made = f"{len(report.rows)} tables, {sum(report.rows.values()):,} rows, " if report.rows else ""
        made += f"{len(report.versions)} models, " if report.versions else ""
        verdict = "[green]Done[/]" if report.succeeded else "[red]Failed[/]"
        out(f"\n{verdict}: {made}{passed}, {seconds:.1f} s (run {report.run_id[:8]})", soft_wrap=True)
        out(f"Tables: {self._platform.warehouse.root}", soft_wrap=True)
        out(
            'Next:   olist ui (the graph and its checks), olist sql "SELECT * FROM gold_daily_metrics LIMIT 5"',
            soft_wrap=True,
        )


def _line(report: RunReport, step: str) -> str:
    seconds = f"{report.seconds[step]:6.1f} s"
    if step in report.versions:
        return f"[green]✓[/] {step:<40} {f'version {report.versions[step]}':>17}   {seconds}"
    if step in report.promotions:
        return f"[green]✓[/] {step:<40} {report.promotions[step]:>17}   {seconds}"
    if step not in report.rows:
        table = step.removesuffix(CHECKS)
        own = [check for check in report.checks if check.asset_key.to_user_string() == table]
        passed = sum(check.passed for check in own)
        return f"[green]✓[/] {'  checks of ' + table:<45} {f'{passed}/{len(own)}':>7} passed {seconds}"
    return f"[green]✓[/] {step:<40} {report.rows[step]:>12,} rows   {seconds}"
