"""Shared parts of the commands: the console, exit codes, options and the types of their values."""

from datetime import date
from math import isnan
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from olist_assets.printable import printable_lines

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130
WIDTH, AS_WIDE_AS_IT_IS = 100, 10_000


class SafeConsole(Console):
    """Rich's console, through which no text sends control characters of its own to the terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        """The text with its markup, but with escapes for characters that move the cursor or reorder the text."""
        return super().render_str(printable_lines(text), **options)


console = SafeConsole(highlight=False)
select_option = click.option(
    "--select", default="*", show_default=True, help="Tables, in Dagster's selection syntax; commas unite."
)
format_option = click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)


class Number(click.FloatRange):
    """A number within a range. `nan` compares with neither end, so click's own type lets it pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class Day(click.ParamType):
    """A calendar day, or with `span` two of them: 2017-11-01..2017-11-30."""

    name = "day"

    def __init__(self, *, span: bool = False) -> None:
        self._parts, self._form = (2, "span like 2017-11-01..2017-11-30") if span else (1, "day like 2017-11-24")

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, date]:
        try:
            days = [date.fromisoformat(text) for text in value.split("..")]
        except ValueError:
            days = []
        if len(days) != self._parts:
            self.fail(f"{value!r} is not a {self._form}", param, ctx)
        return days[0], days[-1]
