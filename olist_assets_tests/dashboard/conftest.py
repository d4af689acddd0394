"""A page run without a browser; what it shows is put into a warehouse and Dagster's storage without Spark."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import dagster as dg
import pyarrow as pa
import pytest
import streamlit as st
from deltalake import write_deltalake
from streamlit.testing.v1 import AppTest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.orchestration.instance import instance
from olist_assets.settings import Settings
from olist_assets_tests.conftest import use


@pytest.fixture(autouse=True)
def _nothing_kept_from_other_tests() -> Iterator[None]:
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dagster home with an empty storage, which takes longer to make than a page."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        use(patch, folder, folder)
        with instance():
            pass
    return folder / "home"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, made_home: Path) -> Settings:
    """An empty warehouse and storage; no data, for pages read none."""
    settings = use(monkeypatch, tmp_path, tmp_path)
    shutil.copytree(made_home, tmp_path / "home", dirs_exist_ok=True, ignore=shutil.ignore_patterns("dagster.yaml"))
    return settings


def shown(module: str, **query: str) -> AppTest:
    """A page after its first run; it raised nothing."""
    app = AppTest.from_string(f"from olist_assets.dashboard import {module}\n{module}.page()", default_timeout=60)
    app.query_params.update(query)
    return rerun(app)


def rerun(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def said(app: AppTest) -> str:
    """All its messages."""
    return " ".join(element.value for element in (*app.info, *app.warning, *app.error))


def put(
    settings: Settings,
    name: str,
    rows: Sequence[Mapping[str, object]],
    schema_mode: Literal["overwrite"] | None = None,
) -> None:
    """Write rows into a table's place, over those there."""
    path = lakehouse.table_path(settings, name)
    write_deltalake(
        str(path),
        pa.Table.from_pylist([dict(row) for row in rows]),
        mode="overwrite",
        schema_mode=schema_mode,
        name=name,
    )


def report(*events: dg.AssetMaterialization | dg.AssetCheckEvaluation) -> None:
    """Tell Dagster's storage."""
    with instance() as storage:
        for event in events:
            storage.report_runless_asset_event(event)


def evaluation(
    table: str, check: str, *, passed: bool, blocking: bool = True, **figures: int
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(table),
        check_name=check,
        passed=passed,
        metadata=figures,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
    )
