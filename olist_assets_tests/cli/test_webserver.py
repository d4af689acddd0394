"""Dagster's webserver behind the guard: what its real routes answer, and that `dagster dev` starts this one."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from olist_assets.cli import webserver
from olist_assets.orchestration import dev
from olist_assets.web_guard import Guard

ADDRESS = "http://127.0.0.1:3000"
OK, FORBIDDEN = 200, 403
MUTATION = {"query": "mutation{reloadWorkspace{__typename}}"}
JSON, TEXT, FORM = ({"content-type": name} for name in ("application/json", "text/plain", "multipart/form-data"))
FROM_ANOTHER_SITE = {"origin": "http://localhost:9000", "sec-fetch-site": "same-site"}
SOCKET, PROTOCOL = "ws://127.0.0.1:3000/graphql", ["graphql-ws"]


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch):
    """Runs the command, and a function of the application while the command would serve it; no code is loaded."""

    def run(check: Any) -> None:
        checked = []
        monkeypatch.setattr(sys, "argv", ["webserver", "--empty-workspace", "--dagster-log-level", "error"])
        # The command replaces it for good.
        monkeypatch.setattr(webserver.cli, webserver.APPLICATION, getattr(webserver.cli, webserver.APPLICATION))
        monkeypatch.setattr("uvicorn.run", lambda application, **_: checked.append(check(application)))
        with pytest.raises(SystemExit):
            webserver.main()
        assert len(checked) == 1

    return run


def test_dagsters_webserver_answers_its_own_pages_and_programs_only(during):
    def check(application: Any) -> None:
        assert isinstance(application, Guard)
        client = TestClient(application, base_url=ADDRESS)

        def status(method: str, path: str, **more: Any) -> int:
            return client.request(method, path, **more).status_code

        assert client.post("/graphql", json=MUTATION).json()["data"]["reloadWorkspace"]["__typename"] == "Workspace"
        assert status("POST", "/graphql", json=MUTATION, headers={"origin": ADDRESS}) == OK
        assert status("GET", "/graphql", headers={"accept": "text/html"}) == OK
        assert status("GET", "/overview") == status("GET", "/server_info") == OK
        assert status("GET", "/graphql", params=MUTATION) == FORBIDDEN
        assert status("GET", "/graphql", params=MUTATION, headers={"accept": "text/html"}) == FORBIDDEN
        assert status("GET", "/graphql%0a", params=MUTATION) == FORBIDDEN
        for headers in (TEXT, FORM, {}):
            assert status("POST", "/graphql", params=MUTATION, headers=headers) == FORBIDDEN
            assert status("POST", "/report_asset_materialization/a", headers=headers) == FORBIDDEN
        for path in ("/graphql", "/report_asset_check/a", "/report_asset_observation/a"):
            assert status("POST", path, json=MUTATION, headers=FROM_ANOTHER_SITE) == FORBIDDEN
        for path in ("/", "/logs/a.err", "/download_debug/a", "/notebook", "/server_info", "/dagit_info"):
            assert status("GET", path, headers=FROM_ANOTHER_SITE) == FORBIDDEN
            assert status("GET", path, headers={"host": "evil.example"}) == FORBIDDEN
        with client.websocket_connect(SOCKET, PROTOCOL, headers={"origin": ADDRESS}) as socket:
            socket.send_json({"type": "connection_init"})
            assert socket.receive_json() == {"type": "connection_ack"}
        for headers in ({}, FROM_ANOTHER_SITE, {"origin": ADDRESS, "host": "evil.example"}):
            with (
                pytest.raises(WebSocketDenialResponse),
                client.websocket_connect(SOCKET, PROTOCOL, headers=headers),
            ):
                pass

    during(check)


@pytest.mark.filterwarnings("ignore:Function `dev_command` is superseded")  # by a project tool that starts the same
def test_dagster_dev_starts_this_webserver_and_its_own_daemon(monkeypatch):
    started = []

    def start(command: list[str], **_: Any) -> SimpleNamespace:
        started.append(command)
        return SimpleNamespace(wait=lambda **_: 0)

    monkeypatch.setattr(dev.dev, dev.START, start)
    monkeypatch.setattr("dagster._cli.dev.time", SimpleNamespace(sleep=_interrupt))
    monkeypatch.setattr(sys, "argv", ["dev", "olist_assets.cli.webserver", "--empty-workspace", "-p", "3999"])
    with pytest.raises(SystemExit):
        dev.main()
    assert [command[1:3] for command in started] == [["-m", "olist_assets.cli.webserver"], ["-m", dev.OWN_DAEMON]]
    assert started[0][3:5] == ["--port", "3999"]


def _interrupt(_: Any) -> None:
    raise KeyboardInterrupt


def test_unknown_service_is_not_started():
    with pytest.raises(ValueError, match="unknown service"):
        dev.replaced([sys.executable, "-m", "another_webserver"], "olist_assets.cli.webserver")
