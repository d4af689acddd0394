"""A mail server, a webhook, a file and Dagster's storage of one test, and rounds of alerts over them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from olist_assets.alerts.tick import tick
from olist_assets.catalog import catalog
from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.alerts.sinks import AlertFile, Hook, Mailbox, Sink, running_hook, running_mailbox
from olist_assets_tests.conftest import settings_in


class Rounds:
    """Ticks one after the other, with the cursor between them; the first one sets the start."""

    def __init__(self, storage: dg.DagsterInstance, settings: Settings) -> None:
        self.storage, self.cursor, self.is_well = storage, None, True
        self.warehouse = Warehouse(settings, catalog())
        self()

    def __call__(self, **changed: Any) -> str:
        """The results of one tick, as one line; `changed` settings are in force for this tick only."""
        warehouse = self.warehouse
        if changed:
            warehouse = Warehouse(warehouse.settings.model_copy(update=changed), warehouse.catalog)
        self.cursor, results, self.is_well = tick(self.storage, warehouse, self.cursor)
        return "; ".join(results)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with running_mailbox() as box:
        yield box


@pytest.fixture
def hook() -> Iterator[Hook]:
    with running_hook() as hook:
        yield hook


@pytest.fixture
def alert_file(tmp_path: Path) -> AlertFile:
    return AlertFile(tmp_path / "alerts.jsonl")


@pytest.fixture
def storage() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as storage:
        yield storage


@pytest.fixture
def settings_for(tmp_path: Path, sample: Path) -> Callable[..., Settings]:
    """Settings that name these sinks; keywords override them."""

    def named(*sinks: Sink, **more: Any) -> Settings:
        of_sinks = {name: value for sink in sinks for name, value in sink.settings.items()}
        return settings_in(tmp_path, sample, dagster_url="http://dagster.example:3000/", **of_sinks, **more)

    return named


@pytest.fixture
def rounds(storage: dg.DagsterInstance, settings_for: Callable[..., Settings]) -> Callable[..., Rounds]:
    """Start rounds that send to these sinks."""
    return lambda *sinks: Rounds(storage, settings_for(*sinks))


@pytest.fixture
def refresh(warehouse: Warehouse) -> Callable[..., None]:
    """Log that the dashboard asked a query, which may have failed with an error."""

    def logged(name: str, error: str | None = None) -> None:
        audit_log.record(warehouse, "refresh", ["gold_daily_metrics"], statement=name, seconds=0.1, error=error)

    return logged
