"""Dagster's storage of one test, and receivers of OpenLineage events.

The library `openlineage-python` reads its settings from the environment and from nowhere else, so these are set there.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from olist_assets_tests.servers import free_port

TRANSPORT = "OPENLINEAGE__TRANSPORT__"


@pytest.fixture
def storage() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def sent_to_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Configure a file as the receiver; reads the events in it."""
    path = tmp_path / "events.jsonl"
    monkeypatch.setenv(f"{TRANSPORT}TYPE", "file")
    monkeypatch.setenv(f"{TRANSPORT}LOG_FILE_PATH", str(path))
    monkeypatch.setenv(f"{TRANSPORT}APPEND", "true")
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Configure a port at which nobody answers yet; the library tries once."""
    port = free_port()
    monkeypatch.setenv(f"{TRANSPORT}TYPE", "http")
    monkeypatch.setenv(f"{TRANSPORT}URL", f"http://name:secret@127.0.0.1:{port}")
    monkeypatch.setenv(f"{TRANSPORT}RETRY", json.dumps({"total": 0}))
    return port
