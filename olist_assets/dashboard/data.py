"""What every page reads through: queries over the newest tables, kept until a table changes, and what failed said.

    with data.section("Revenue"):
        days = data.answer("FROM gold_daily_metrics WHERE order_date >= $since", since=since)
        st.line_chart(days)

`answer` is the only place where the dashboard opens a table.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import duckdb
import pandas as pd
import streamlit as st
from deltalake.exceptions import DeltaError

from olist_assets import audit_log, catalog, delta_log, lakehouse
from olist_assets.errors import OlistError
from olist_assets.object_store import store_errors
from olist_assets.settings import Settings

ACTION = "dashboard"
"""What the audit log calls the pages' queries."""
Version = tuple[str, int, float]
"""A table's name, its newest version, and when that one's file was written: a table made anew counts from 0 again."""
_KEPT = 500


class Missing(OlistError):
    """A query names tables that nobody has made yet."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            f"Not made yet: {', '.join(names)}. Make {'them' if len(names) > 1 else 'it'}, and what is read for that, "
            f"with: `olist materialize --select {','.join(names)} --upstream`"
        )


class QueryFailed(OlistError):
    """A query that could not be answered; the audit log has it too."""


def settings() -> Settings:
    """The settings in force, read from the environment."""
    return Settings()


def answer(sql: str, **params: Any) -> pd.DataFrame:
    """The result of a DuckDB query over the newest versions of the tables that it names; `$name` is a parameter.

    Kept until one of these tables has a new version; the frame is the caller's own. A decimal comes as a float, a date
    as a timestamp, null as NaN or NaT. Raises Missing where a table is not there, and QueryFailed.
    """
    in_force = settings()
    names = tables_named(sql)
    try:
        versions = tuple(_version(in_force, name) for name in names)
        return _answered(in_force.warehouse, versions, sql, params)
    except Missing:
        raise
    except (OlistError, duckdb.Error, DeltaError, OSError, *store_errors()) as error:
        why = str(error).splitlines()[0]
        _record(in_force, names, sql, error=why)
        raise QueryFailed(f"{', '.join(names) or 'A query'} could not be read: {why}") from error


@contextmanager
def section(title: str = "") -> Iterator[None]:
    """A part of a page under its own heading: what is missing or failed is said in its place, and the page goes on."""
    if title:
        st.subheader(title)
    try:
        yield
    except Missing as missing:
        st.info(str(missing), icon=":material/table_rows:")
    except QueryFailed as failed:
        st.error(str(failed), icon=":material/error:")


@lru_cache(maxsize=_KEPT)
def tables_named(sql: str) -> tuple[str, ...]:
    """The tables that a query reads, and the audit log."""
    return lakehouse.mentioned(sql, (*catalog.tables(), audit_log.NAME))


def _version(in_force: Settings, name: str) -> Version:
    # Opening a table costs ten times what looking for its newest commit does, and a page has a dozen queries.
    newest = next(iter(delta_log.commits(lakehouse.table_path(in_force, name))), None)
    return (name, newest.version, newest.path.stat().st_mtime) if newest else (name, -1, 0.0)


@st.cache_data(show_spinner=False, max_entries=_KEPT)
def _answered(warehouse: str, versions: tuple[Version, ...], sql: str, params: dict[str, Any]) -> pd.DataFrame:
    in_force, names = Settings(warehouse=warehouse), [name for name, *_ in versions]
    started = time.monotonic()
    opened = lakehouse.made(in_force, names)
    if missing := [name for name in names if name not in opened]:
        raise Missing(missing)
    with lakehouse.connection(opened) as con:
        frame = con.execute(sql, params or None).df()
    # Reading the audit log adds nothing to it: each look would change what the next one sees.
    if names != [audit_log.NAME]:
        seconds = round(time.monotonic() - started, 4)
        _recorder().submit(_record, in_force, names, sql, rows=len(frame), seconds=seconds)
    return frame


@st.cache_resource(show_spinner=False)
def _recorder() -> ThreadPoolExecutor:
    """One thread that writes to the audit log, so that a page does not wait for a commit a query."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")


def _record(in_force: Settings, names: Sequence[str], sql: str, **told: Any) -> None:
    try:
        audit_log.record(in_force, ACTION, names, statement=sql, **told)
    except (DeltaError, OSError, *store_errors()) as error:
        # Who may only read still sees the pages.
        logging.getLogger(__name__).warning("The audit log cannot be written: %s", error)
