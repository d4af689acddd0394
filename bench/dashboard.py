"""Seconds of the dashboard's first page and of a change of each filter, on the warehouse of the environment.

OLIST_WAREHOUSE=... python -m bench.dashboard

Streamlit's own test runner runs the page, so a browser's drawing is not measured. CPU seconds are printed beside wall
seconds because other work on the machine changes them less.
"""

import time
from collections.abc import Callable
from importlib.util import find_spec

import click
from streamlit.testing.v1 import AppTest

PERIODS = ("30", "90", "365", "All")


@click.command()
def main() -> None:
    """Cold, with the imports; again; for another user with an empty cache; then one change after the other."""
    import streamlit as st

    app = str(find_spec("olist_assets.dashboard.app").origin)  # pyright: ignore[reportOptionalMemberAccess]
    page = AppTest.from_file(app, default_timeout=600)
    _report("first page, cold process", page.run)
    _report("the same page again", page.run)
    st.cache_data.clear()
    _report("first page, warm process, empty cache", AppTest.from_file(app, default_timeout=600).run)
    for period in PERIODS:
        _report(f"days: {period}", lambda period=period: page.segmented_control[0].set_value(period).run())
    for state in ("SP", "BA"):
        _report(f"state {state}", lambda state=state: page.multiselect[0].set_value([state]).run())
    _report("category", lambda: page.multiselect[1].set_value([page.multiselect[1].options[0].lower()]).run())
    _report("a filter used before", lambda: page.multiselect[1].set_value([]).run())


def _report(what: str, run: Callable[[], AppTest]) -> None:
    started, cpu = time.monotonic(), time.process_time()
    page = run()
    wall, cpu = time.monotonic() - started, time.process_time() - cpu
    if page.exception or page.error:
        raise click.ClickException(f"{what}: {[*page.exception, *page.error]}")
    click.echo(f"{what:<40} {wall:6.2f} s {cpu:6.2f} s CPU")


if __name__ == "__main__":
    main()
