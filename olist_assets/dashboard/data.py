"""What every page reads through: queries over the newest tables, kept until a table changes, and what failed said.

    with data.section("Revenue"):
        days = data.answer("FROM gold_daily_metrics WHERE order_date >= $since", since=since)
        st.line_chart(days)

`answer` is the only place where the dashboard opens a table.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import duckdb
import pandas as pd
import streamlit as st
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from olist_assets.governance import audit_log
from olist_assets import catalog
from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.errors import OlistError
from olist_assets.governance import access, roles
from olist_assets.lakehouse.object_store import store_errors
from olist_assets.settings import Settings

ACTION = "dashboard"
"""What the audit log calls the pages' queries."""
Version = tuple[str, int, float]
"""A table's name, its newest version, and when that one's file was written: a table made anew counts from 0 again."""
_KEPT = 500
_PAUSE_SECONDS = 1.0


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
    """The settings in force, read from the environment, anew only where that changed: a page asks two dozen times."""
    return _settings_of(tuple(item for item in os.environ.items() if item[0].startswith(("OLIST_", "MLFLOW_"))))


@lru_cache(maxsize=1)
def _settings_of(environment: tuple[tuple[str, str], ...]) -> Settings:  # noqa: ARG001
    return Settings()


def answer(sql: str, **params: Any) -> pd.DataFrame:
    """The result of a DuckDB query over the newest versions of the tables that it names; `$name` is a parameter.

    As OLIST_ROLE sees them. Kept until one of these tables has a new version; the frame is the caller's own. A decimal
    comes as a float, a date as a timestamp, null as NaN or NaT. Raises Missing where a table is not there, QueryFailed.
    """
    in_force = settings()
    names = tables_named(sql)
    try:
        versions = tuple(newest(in_force, name) for name in names)
        if missing := [name for name, version, _ in versions if version < 0]:
            raise Missing(missing)
        return _answered(in_force.warehouse, versions, in_force.role, sql, params)
    except Missing:
        raise
    except (OlistError, duckdb.Error, DeltaError, OSError, *store_errors()) as error:
        why = str(error).splitlines()[0]
        _recorder(in_force.warehouse).add(names, sql, role=in_force.role, error=why)
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
    return lakehouse.mentioned(sql, (*catalog.all_tables(), audit_log.NAME))


def newest(in_force: Settings, name: str) -> Version:
    """The table's newest version, -1 where there is none: while it is the same, so is all that was read of it."""
    # Opening a table costs ten times what looking for its newest commit does, and a page has a dozen queries.
    commit = next(iter(delta_log.commits(lakehouse.table_path(in_force, name))), None)
    return (name, commit.version, commit.path.stat().st_mtime) if commit else (name, -1, 0.0)


@st.cache_data(show_spinner=False, max_entries=_KEPT)
def _answered(
    warehouse: str, versions: tuple[Version, ...], role: str | None, sql: str, params: dict[str, Any]
) -> pd.DataFrame:
    started = time.monotonic()
    names = [name for name, *_ in versions]
    opened = {version[0]: _opened(warehouse, version) for version in versions}
    with access.connection(opened, roles.in_force(settings(), role), sql) as con:
        frame = con.execute(sql, params or None).df()
    # Reading the audit log adds nothing to it: each look would change what the next one sees.
    if names != [audit_log.NAME]:
        seconds = round(time.monotonic() - started, 4)
        _recorder(warehouse).add(names, sql, role=role, rows=len(frame), seconds=seconds)
    return frame


@st.cache_resource(show_spinner=False, max_entries=_KEPT)
def _opened(warehouse: str, version: Version) -> DeltaTable:
    # Opening a table again for each query would cost as much as the query.
    try:
        return lakehouse.open_table(Settings(warehouse=warehouse), version[0])
    except lakehouse.TableMissing as missing:
        # There is a log, and nothing in it yet.
        raise Missing([version[0]]) from missing


class _Recorder:
    """Writes to the audit log from a thread of its own: one commit for all that a page asked, once the page is done."""

    def __init__(self, in_force: Settings) -> None:
        self._settings = in_force
        self._waiting: deque[dict[str, object]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")

    def add(self, names: Sequence[str], sql: str, **told: object) -> None:
        self._waiting.append(audit_log.entry(self._settings, ACTION, names, statement=sql, **told))
        self._thread.submit(self._write)

    def _write(self) -> None:
        if not self._waiting:
            return
        time.sleep(_PAUSE_SECONDS)
        entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            audit_log.append(self._settings, entries)
        except audit_log.NotAudited as error:
            # Who may only read still sees the pages.
            logging.getLogger(__name__).warning("%s", error)


@st.cache_resource(show_spinner=False)
def _recorder(warehouse: str) -> _Recorder:
    return _Recorder(Settings(warehouse=warehouse))


def is_empty() -> bool:
    """Whether no table at all is made yet."""
    in_force = settings()
    return not any(delta_log.commits(lakehouse.table_path(in_force, name)) for name in catalog.tables())
