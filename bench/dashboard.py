"""How long the dashboard's first page takes, and a change of each filter, on the warehouse of the environment.

OLIST_WAREHOUSE=... python -m bench.dashboard

Streamlit's own test runner runs the page, so a browser's drawing is not in the figures. Beside the wall's seconds stand
the processor's, which a busy machine changes less.
"""

import time
from collections.abc import Callable
from pathlib import Path

import click
from streamlit.testing.v1 import AppTest

import olist_assets.dashboard

APP = Path(olist_assets.dashboard.__file__).with_name("app.py")
PERIODS = ("30", "90", "365", "All")


@click.command()
def main() -> None:
    """Cold, with the imports; again; for another reader with nothing kept; then one change after the other."""
    import streamlit as st

    page = AppTest.from_file(str(APP), default_timeout=600)
    _tell("first page, cold process", page.run)
    _tell("the same page again", page.run)
    st.cache_data.clear()
    _tell("first page, warm process, nothing kept", AppTest.from_file(str(APP), default_timeout=600).run)
    for period in PERIODS:
        _tell(f"days: {period}", lambda period=period: page.segmented_control[0].set_value(period).run())
    for state in ("SP", "BA"):
        _tell(f"state {state}", lambda state=state: page.multiselect[0].set_value([state]).run())
    _tell("category", lambda: page.multiselect[1].set_value([page.multiselect[1].options[0].lower()]).run())
    _tell("a filter seen before", lambda: page.multiselect[1].set_value([]).run())


def _tell(what: str, run: Callable[[], AppTest]) -> None:
    started, processor = time.monotonic(), time.process_time()
    page = run()
    wall, processor = time.monotonic() - started, time.process_time() - processor
    if page.exception or page.error:
        raise click.ClickException(f"{what}: {[*page.exception, *page.error]}")
    click.echo(f"{what:<40} {wall:6.2f} s {processor:6.2f} s of processor")


if __name__ == "__main__":
    main()
