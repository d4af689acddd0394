"""Dagster's storage and asset graph for the pages: opened once per process and shared by all sessions."""

from contextlib import ExitStack
from functools import lru_cache

import dagster as dg
import streamlit as st

from olist_assets.dashboard import data
from olist_assets.definitions import build_defs
from olist_assets.orchestration import dagster_storage
from olist_assets.orchestration import instance as dagster_instance
from olist_assets.orchestration.dagster_storage import AssetGraph
from olist_assets.orchestration.home import dagster_home
from olist_assets.settings import Settings

RUN_ID_SHOWN = r".*/runs/([0-9a-f]{8})"
"""The text of a link to a run: the first part of the run's id."""


def home() -> str:
    """The folder of Dagster's configuration."""
    return str(dagster_home(data.settings()))


def instance() -> dg.DagsterInstance:
    """Dagster's storage. Raises OlistError where it cannot be opened."""
    return _opened(home(), data.settings())[0]


# Its connections come from pools, so that Streamlit's threads can share it.
@st.cache_resource(show_spinner=False, on_release=lambda opened: opened[1].close())
def _opened(home: str, _settings: Settings) -> tuple[dg.DagsterInstance, ExitStack]:  # noqa: ARG001
    stack = ExitStack()
    return stack.enter_context(dagster_instance.instance(_settings)), stack


def graph() -> AssetGraph:
    """The assets and checks that are defined."""
    return _graph_of(data.environment())


@lru_cache(maxsize=1)
def _graph_of(environment: data.Environment) -> AssetGraph:  # noqa: ARG001
    return build_defs(data.settings()).resolve_asset_graph()


def run_link(run_id: str | None) -> str | None:
    """The address of a run in Dagster's UI."""
    return dagster_storage.run_link(data.settings(), run_id) if run_id else None
