"""What a run looks like in a terminal: a line a table, a bar for the whole, a summary at the end."""

import time
from types import TracebackType
from typing import Self

import dagster as dg
from dagster import DagsterEventType
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from olist_assets.jobs import DAILY_TABLES
from olist_assets.operations.runs import Request, RunReport
from olist_assets.operations.selection import span_text
from olist_assets.settings import Settings

CHECKS = "_checks"


class RunProgress:
    """Listens to a run and prints; plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
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
        """The end of a run: what was made, what is wrong, where things are, what to do next."""
        out, seconds = self._console.print, time.monotonic() - self._started
        for check in [*report.failed_checks, *report.warnings]:
            colour = "red" if check in report.failed_checks else "yellow"
            figures = ", ".join(f"{name} {value.value}" for name, value in check.metadata.items())
            out(f"[{colour}]✗ {check.asset_key.to_user_string()}: {check.check_name}[/] ({escape(figures)})")
        if report.problem:
            out(f"[red]✗[/] {escape(report.problem)}")
        if report.not_run:
            out(f"[red]Not run, because of the above:[/] {', '.join(report.not_run)}")
        if request and not report.succeeded:
            for name in (name for name in DAILY_TABLES if name in report.planned):
                state = "in" if name in report.rows else "as it was; asking again makes it"
                out(f"  {span_text(request.days)} of {name}: {state}")
        if report.lineage_problem:
            out(f"[yellow]{escape(report.lineage_problem)}[/]", soft_wrap=True)
        passed = f"{sum(check.passed for check in report.checks)} of {len(report.checks)} checks passed"
        made = f"{len(report.rows)} tables, {sum(report.rows.values()):,} rows, " if report.rows else ""
        made += f"{len(report.versions)} models, " if report.versions else ""
        verdict = "[green]Done[/]" if report.succeeded else "[red]Failed[/]"
        out(f"\n{verdict}: {made}{passed}, {seconds:.1f} s (run {report.run_id[:8]})", soft_wrap=True)
        out(f"Tables: {Settings().warehouse_path}", soft_wrap=True)
        out(
            'Next:   make ui (the graph and its checks), olist sql "SELECT * FROM gold_daily_metrics LIMIT 5"',
            soft_wrap=True,
        )


def _line(report: RunReport, step: str) -> str:
    seconds = f"{report.seconds[step]:6.1f} s"
    if step in report.versions:
        return f"[green]✓[/] {step:<40} {f'version {report.versions[step]}':>17}   {seconds}"
    if step not in report.rows:
        table = step.removesuffix(CHECKS)
        own = [check for check in report.checks if check.asset_key.to_user_string() == table]
        passed = sum(check.passed for check in own)
        return f"[green]✓[/] {'  checks of ' + table:<45} {f'{passed}/{len(own)}':>7} passed {seconds}"
    return f"[green]✓[/] {step:<40} {report.rows[step]:>12,} rows   {seconds}"
