"""Pages of other sites against the UI, the dashboard and MLflow in a real browser, each with a control without guard.

Starts Chromium and five servers, so it is run by `make test-browser`.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

import olist_assets.dashboard
from olist_assets_tests.browser.chromium import CHROMIUM, EVIL, Tab, browser
from olist_assets_tests.browser.hostile_site import HostileSite, hostile_site
from olist_assets_tests.servers import free_port, server, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: Debian's package chromium, or its path in CHROMIUM"),
]
OLIST = str(Path(sys.executable).with_name("olist"))
SECONDS = 120
# `launchRun` is what the UI sends to start a run.
LAUNCH = """launchRun(executionParams: {
  selector: {repositoryLocationName: "olist", repositoryName: "__repository__", jobName: "maintenance"},
  runConfigData: {ops: {maintain_tables: {config: {force: true, retention_hours: 0}}}} }) { __typename }"""
MUTATION = f"mutation {{ setAutoMaterializePaused(paused: false) {LAUNCH} }}"
STATE = "{ instance { autoMaterializePaused } runsOrError { ... on Runs { results { runId } } } }"


def graphql(address: str, query: str) -> Any:
    return requests.post(f"{address}/graphql", json={"query": query}, timeout=60).json()["data"]


def anything_started(address: str) -> bool:
    state = graphql(address, STATE)
    return not state["instance"]["autoMaterializePaused"] or bool(state["runsOrError"]["results"])


def experiment_was_planted(address: str) -> bool:
    url = f"{address}/api/2.0/mlflow/experiments/search"
    found = requests.post(url, json={"max_results": 50}, timeout=60).json()["experiments"]
    return "planted" in [experiment["name"] for experiment in found]


@dataclass(frozen=True)
class Target:
    """A server, and what a page could do to it."""

    guarded: list[str]
    unguarded: list[str]
    text: str
    """What its first page shows when it works."""
    read: str
    write: str
    body: dict[str, str]
    socket: str
    is_changed: Callable[[str], bool]

    def attack(self, address: str) -> str:
        """The query of the hostile site's page."""
        found = {"base": address, "read": self.read, "write": self.write, "body": self.body, "socket": self.socket}
        return urlencode({"target": json.dumps(found)})


PYTHON = [sys.executable, "-m"]
STREAMLIT = ["streamlit", "run", str(Path(olist_assets.dashboard.__file__).with_name("app.py"))]
TARGETS = {
    "ui": Target(
        [OLIST, "ui", "--port"], [*PYTHON, "dagster_webserver", "--empty-workspace", "-p"],
        text="Overview", read=f"/graphql?{urlencode({'query': MUTATION})}", write="/graphql", body={"query": MUTATION},
        socket="/graphql", is_changed=anything_started,
    ),
    "dashboard": Target(
        [OLIST, "dashboard", "--port"],
        [*PYTHON, *STREAMLIT, "--server.headless=true", "--server.address=127.0.0.1", "--server.port"],
        text="There are no tables yet", read="/_stcore/health", write="/_stcore/agent/interact", body={},
        socket="/_stcore/stream", is_changed=lambda _: False,
    ),
    "mlflow": Target(
        [OLIST, "mlflow", "--port"], [*PYTHON, "mlflow", "server", "--workers", "1", "--port"],
        text="Experiments", read="/ajax-api/2.0/mlflow/experiments/search?max_results=5",
        write="/api/2.0/mlflow/experiments/create", body={"name": "planted"},
        socket="/", is_changed=experiment_was_planted,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module")
def site() -> Iterator[HostileSite]:
    with hostile_site() as site:
        yield site


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[str]:
    """The address of a server that has an empty warehouse."""
    port = free_port()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}")
    mine = {"OLIST_WAREHOUSE": str(folder / "warehouse"), "DAGSTER_HOME": str(folder)}
    with server([*command, str(port)], port, folder / "log", mine, folder=folder):
        yield f"http://127.0.0.1:{port}"


def attack(tab: Tab, site: HostileSite, target: Target, address: str) -> dict[str, list[str]]:
    """Open the hostile page at each address of the hostile site; returns what it saw of the answers."""
    seen = {}
    for host, page in (("localhost", "attack"), ("127.0.0.1", "attack"), (EVIL, "attack"), ("localhost", "sandbox")):
        site.reports.clear()
        tab.open(f"http://{host}:{site.port}/{page}?{target.attack(address)}")
        wait_until(lambda: bool(site.reports), f"the page {page} of {host} has tried everything", SECONDS)
        # Its last attack is to lead the tab itself to the server.
        if page == "attack":
            wait_until(lambda: "Hostile" not in tab.title(), "the tab has left the page", SECONDS)
        seen[f"{page} of {host}"] = site.reports[0]
    return seen


def shown_in_a_frame(tab: Tab, site: HostileSite, address: str) -> bool:
    tab.open(f"http://localhost:{site.port}/frame?{urlencode({'url': address})}")
    wait_until(lambda: bool(tab.frames()), "the page has a frame", SECONDS)
    time.sleep(3)
    return tab.frames()[0].startswith(address)


@pytest.mark.parametrize("name", TARGETS)
def test_page_of_another_site_does_nothing_to_a_guarded_server_whose_own_page_works(tab, site, tmp_path, name):
    target = TARGETS[name]
    with started(target.guarded, tmp_path) as address:
        local = address.replace("127.0.0.1", "localhost")
        for own in (address, local):
            assert not any((seen := attack(tab, site, target, own)).values()), seen
        assert not target.is_changed(address)
        assert not shown_in_a_frame(tab, site, local)
        # The name of another site that leads to the server, as after DNS rebinding.
        tab.open(address.replace("127.0.0.1", EVIL))
        wait_until(lambda: "Refused: the host" in tab.text(), "the other name is refused", SECONDS)
        for own in (address, local):
            tab.open(own)
            wait_until(lambda: target.text in tab.text(), f"the page shows {target.text!r}", SECONDS)
        if name == "ui":
            assert graphql(address, MUTATION)["launchRun"]["__typename"] == "LaunchRunSuccess"


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_page_reaches_an_unguarded_server(tab, site, tmp_path, name):
    target = TARGETS[name]
    with started(target.unguarded, tmp_path) as address:
        seen = attack(tab, site, target, address)
        assert target.is_changed(address) or any(seen.values()), seen
        assert shown_in_a_frame(tab, site, address.replace("127.0.0.1", "localhost")) == (name != "mlflow")
