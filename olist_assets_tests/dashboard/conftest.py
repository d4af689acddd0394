"""Pages run without a browser, over a warehouse and a Dagster storage that are written without an engine."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import olist_assets.dashboard
from olist_assets.orchestration.instance import instance
from olist_assets.settings import Settings
from olist_assets_tests.conftest import environment, settings_in

APP = Path(olist_assets.dashboard.__file__).with_name("app.py")


@pytest.fixture(autouse=True)
def _empty_caches() -> Iterator[None]:
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def use(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Settings:
    """Put settings into the environment, where pages read them; returns them."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """An empty warehouse and an empty storage, in force for the pages."""
    return use(monkeypatch, settings_in(tmp_path, tmp_path))


@pytest.fixture
def storage(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Dagster's storage of the settings."""
    with instance(settings) as opened:
        yield opened
        # Storages must be closed in reverse order: Dagster remembers in each the one that was current before it.
        st.cache_resource.clear()


def shown(page: str, **query: str) -> AppTest:
    """A page after its first run, which raised nothing."""
    app = AppTest.from_string(f"from olist_assets.dashboard.{page} import page\npage.page()", default_timeout=60)
    app.query_params.update(query)
    return rerun(app)


def rerun(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def messages(app: AppTest) -> str:
    """All infos, warnings and errors of a page."""
    return " ".join(element.value for element in (*app.info, *app.warning, *app.error))


def report(storage: dg.DagsterInstance, *events: dg.AssetMaterialization | dg.AssetCheckEvaluation) -> None:
    """Report events to Dagster's storage without a run."""
    for event in events:
        storage.report_runless_asset_event(event)


def evaluation(
    table: str, check: str, *, passed: bool, blocking: bool = True, **metadata: int
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(table),
        check_name=check,
        passed=passed,
        metadata=metadata,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
    )
