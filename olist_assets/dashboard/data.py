"""Queries of all pages: each reads the newest versions of its tables, is cached until one of them changes, and audited.

    with data.section("Revenue"):
        days = data.answer("FROM gold_daily_metrics WHERE order_date >= $since", since=since)
        st.line_chart(days)

`answer` is the only place where the dashboard reads a table's rows.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import streamlit as st
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from olist_assets.catalog import catalog
from olist_assets.errors import OlistError
from olist_assets.governance import access, audit_log
from olist_assets.governance.audit_text import Described, described
from olist_assets.governance.roles import roles_file
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse import sql as lakehouse_sql
from olist_assets.lakehouse.object_store import store_errors
from olist_assets.lakehouse.warehouse import TableMissing, Warehouse
from olist_assets.settings import Settings

ACTION = "dashboard"
"""The action of the pages' queries in the audit log."""
MAX_CACHED = 500
Environment = tuple[tuple[str, str], ...]


class TableVersion(NamedTuple):
    """A table with its newest version, -1 where it has none.

    The time tells apart two tables that were both created under the same name: their versions count from 0 again.
    """

    table: str
    version: int
    modified_at: float


class Missing(OlistError):
    """A query names tables that do not exist yet."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        listed, it = ", ".join(names), "them" if len(names) > 1 else "it"
        super().__init__(
            f"Not materialized yet: {listed}. Materialize {it}, with all upstream tables: "
            f"`olist materialize --select {','.join(names)} --upstream`"
        )


class QueryFailed(OlistError):
    """A query failed; the audit log has an entry with the error."""


def environment() -> Environment:
    """The environment variables that settings are read from: the key of everything cached per settings."""
    prefixes = ("OLIST_", "MLFLOW_", "DAGSTER_HOME")
    return tuple(sorted(item for item in os.environ.items() if item[0].startswith(prefixes)))


def settings() -> Settings:
    """The settings in force."""
    return warehouse().settings


def warehouse() -> Warehouse:
    """The warehouse in force, constructed again only when the environment has changed: a page asks two dozen times."""
    return _warehouse_of(environment())


@lru_cache(maxsize=1)
def _warehouse_of(environment: Environment) -> Warehouse:  # noqa: ARG001
    return Warehouse(Settings(), catalog())


def answer(sql: str, **params: Any) -> pd.DataFrame:
    """The result of a DuckDB query over the newest versions of the tables that it names; `$name` is a parameter.

    Rows and columns are those that OLIST_ROLE may see, and a role gets no answer that cannot be logged. The result is
    cached until one of the tables has a new version, or the file of roles another text; the caller may change the
    frame. Decimals are floats, dates are timestamps, nulls are NaN or NaT.
    Raises Missing where a table does not exist, and QueryFailed.
    """
    current = warehouse()
    role = current.settings.role
    names = tables_named(sql)
    try:
        versions = tuple(newest(current, name) for name in names)
        if missing := [found.table for found in versions if found.version < 0]:
            raise Missing(missing)
        roles = roles_file(current.settings).read_text() if role else None
        return _answered(current, str(current.root), versions, role, sql, params, roles=roles)
    except Missing:
        raise
    except (OlistError, duckdb.Error, DeltaError, OSError, *store_errors()) as error:
        reason = str(error).splitlines()[0]
        raise QueryFailed(f"{', '.join(names) or 'A query'} could not be read: {reason}") from error


def audit_entries(limit: int) -> list[dict[str, Any]]:
    """The newest entries of the audit log. Raises QueryFailed, also for any role: none of them sees the log."""
    if role := settings().role:
        raise QueryFailed(f"{audit_log.NAME} could not be read: role {role} does not see it.")
    try:
        return audit_log.latest(warehouse(), limit, {})
    except (OlistError, duckdb.Error, DeltaError, OSError, *store_errors()) as error:
        raise QueryFailed(f"{audit_log.NAME} could not be read: {str(error).splitlines()[0]}") from error


@contextmanager
def section(title: str = "") -> Iterator[None]:
    """A part of a page under its own heading; where its table is missing or its query fails, the page goes on below."""
    if title:
        st.subheader(title)
    try:
        yield
    except Missing as missing:
        st.info(str(missing), icon=":material/table_rows:")
    except QueryFailed as failed:
        st.error(str(failed), icon=":material/error:")


@lru_cache(maxsize=MAX_CACHED)
def tables_named(sql: str) -> tuple[str, ...]:
    """The tables that a query names."""
    return lakehouse_sql.tables_named(sql, catalog().tables)


def newest(current: Warehouse, name: str) -> TableVersion:
    """The newest version of a table."""
    # Opening the table takes ten times as long as listing its log, and a page has a dozen queries.
    commit = next(iter(delta_log.commits(current.path(name))), None)
    return TableVersion(name, commit.version, commit.path.stat().st_mtime) if commit else TableVersion(name, -1, 0.0)


def is_empty() -> bool:
    """Whether the warehouse has no table yet."""
    current = warehouse()
    return all(newest(current, name).version < 0 for name in current.catalog.business_tables)


@st.cache_data(show_spinner=False, max_entries=MAX_CACHED)
def _answered(
    _warehouse: Warehouse,
    root: str,
    versions: tuple[TableVersion, ...],
    role: str | None,
    sql: str,
    params: dict[str, Any],
    *,
    roles: str | None,  # noqa: ARG001
) -> pd.DataFrame:
    with access.logged(_warehouse, ACTION, _described(_warehouse, sql), role) as (found, reading):
        tables = {version.table: _opened(_warehouse, root, version) for version in versions}
        with access.connection(_warehouse, tables, found, sql, params or None) as con:
            frame = con.execute(sql, params or None).df()
        reading.rows = len(frame)
    return frame


@st.cache_resource(show_spinner=False, max_entries=MAX_CACHED)
def _described(_warehouse: Warehouse, sql: str) -> Described:
    return described(_warehouse, sql)


# Opening a table takes as long as a query, and several queries read the same version.
@st.cache_resource(show_spinner=False, max_entries=MAX_CACHED)
def _opened(_warehouse: Warehouse, root: str, version: TableVersion) -> DeltaTable:  # noqa: ARG001
    try:
        return _warehouse.open(version.table)
    except TableMissing as missing:
        # There is a log, but it has no data yet.
        raise Missing([version.table]) from missing
