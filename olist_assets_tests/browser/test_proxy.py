"""The reverse proxy of deploy/proxy before the three web servers: login, TLS, WebSockets, and the guard behind it.

Starts Caddy and the three servers, so it is run by `make test-browser`.
"""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from olist_assets_tests.browser.test_hostile_pages import OLIST, TARGETS
from olist_assets_tests.conftest import PROJECT
from olist_assets_tests.servers import free_port, server, wait_until

CADDY = os.environ.get("CADDY") or shutil.which("caddy")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CADDY, reason="needs Caddy: Debian's package caddy, or its path in CADDY"),
]
DOMAIN = "olist.example"
NAMES = {"ui": "dagster", "dashboard": "dashboard", "mlflow": "mlflow"}
OPERATOR, READER = ("operator", "one password"), ("reader", "another password")
OK, MOVED, UNAUTHORIZED, FORBIDDEN = 200, 308, 401, 403
# A WebSocket of the UI and of the dashboard; MLflow has none.
SOCKETS = {"ui": ("/graphql", "graphql-ws"), "dashboard": ("/_stcore/stream", "streamlit")}


def login(user: tuple[str, str]) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(':'.join(user).encode()).decode()}"}


def password_hash(user: tuple[str, str]) -> str:
    command = [str(CADDY), "hash-password", "--plaintext", user[1]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Proxy:
    """The proxy, reached under the names of its servers without a name service."""

    port: int
    http_port: int
    certificate: Path

    def name(self, target: str) -> str:
        return f"{NAMES[target]}.{DOMAIN}"

    def origin(self, target: str) -> str:
        return f"https://{self.name(target)}:{self.port}"

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def ask(
        self, target: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        as_json = {"Content-Type": "application/json"} if body else {}
        connection = http.client.HTTPConnection(self.name(target), self.port)
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        with self.tls.wrap_socket(opened, server_hostname=self.name(target)) as connection.sock:
            connection.request(method, path, json.dumps(body) if body else None, {**as_json, **(headers or {})})
            answer = connection.getresponse()
            answer.read()
            return answer

    def socket(self, target: str, origin: str, headers: Mapping[str, str]) -> ClientConnection:
        path, protocol = SOCKETS[target]
        return connect(
            f"wss://{self.name(target)}:{self.port}{path}",
            sock=socket.create_connection(("127.0.0.1", self.port), timeout=60),
            ssl=self.tls, server_hostname=self.name(target), origin=origin, subprotocols=[protocol],  # type: ignore[arg-type]
            additional_headers=dict(headers),
        )  # fmt: skip


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}")
    certificate = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    found = Proxy(free_port(), free_port(), certificate)
    ports = {target: free_port() for target in TARGETS}
    of_servers = {
        "OLIST_WAREHOUSE": str(folder / "warehouse"), "DAGSTER_HOME": str(folder),
        "OLIST_ALLOWED_ORIGINS": ",".join(map(found.origin, TARGETS)),
    }  # fmt: skip
    of_proxy = {
        "OLIST_PROXY_DOMAIN": DOMAIN, "OLIST_PROXY_HTTP_PORT": str(found.http_port),
        "OLIST_PROXY_HTTPS_PORT": str(found.port), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder),
        "OLIST_PROXY_OPERATOR": OPERATOR[0], "OLIST_PROXY_OPERATOR_HASH": password_hash(OPERATOR),
        "OLIST_PROXY_READER": READER[0], "OLIST_PROXY_READER_HASH": password_hash(READER),
        **{f"OLIST_PROXY_{NAMES[target].upper()}": f"127.0.0.1:{port}" for target, port in ports.items()},
    }  # fmt: skip
    with ExitStack() as stack:
        for target, port in ports.items():
            command = [OLIST, target, "--port", str(port)]
            stack.enter_context(server(command, port, folder / f"{target}.log", of_servers, folder=folder))
        caddy = [str(CADDY), "run", "--config", str(PROJECT / "deploy" / "proxy" / "Caddyfile")]
        stack.enter_context(server(caddy, found.port, folder / "caddy.log", of_proxy, folder=folder))
        wait_until(certificate.exists, "Caddy has a certificate")
        yield found


@pytest.mark.parametrize("target", TARGETS)
def test_only_who_logs_in_sees_a_page(proxy: Proxy, target: str):
    for path in ("/", "/graphql", "/_stcore/health", "/api/2.0/mlflow/experiments/search"):
        assert proxy.ask(target, "GET", path).status == UNAUTHORIZED
    for user in (("operator", "wrong"), ("operator", ""), ("", "")):
        assert proxy.ask(target, "GET", "/", headers=login(user)).status == UNAUTHORIZED
    page = proxy.ask(target, "GET", "/", headers=login(OPERATOR))
    assert page.status == OK
    assert page.headers["Strict-Transport-Security"]
    assert "frame-ancestors 'self'" in page.headers.get_all("Content-Security-Policy", [])
    assert page.headers["Server"] is None


def test_reader_sees_the_dashboard_only(proxy: Proxy):
    answers = {target: proxy.ask(target, "GET", "/", headers=login(READER)).status for target in TARGETS}
    assert answers == {"ui": UNAUTHORIZED, "mlflow": UNAUTHORIZED, "dashboard": OK}


@pytest.mark.parametrize("target", TARGETS)
def test_plain_http_leads_to_tls_and_to_no_server(proxy: Proxy, target: str):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.http_port, timeout=60)
    connection.request("GET", "/runs", headers={"Host": proxy.name(target), **login(OPERATOR)})
    answer = connection.getresponse()
    connection.close()
    assert (answer.status, answer.headers["Location"].split("//")[0]) == (MOVED, "https:")


@pytest.mark.parametrize("target", SOCKETS)
def test_websocket_needs_the_login_and_the_own_origin(proxy: Proxy, target: str):
    own = proxy.origin(target)
    with proxy.socket(target, own, login(OPERATOR)) as opened:
        if target == "ui":
            opened.send('{"type": "connection_init"}')
            assert json.loads(opened.recv(timeout=60)) == {"type": "connection_ack"}
    other = proxy.origin("mlflow")
    for origin, headers, status in ((own, {}, UNAUTHORIZED), (other, login(OPERATOR), FORBIDDEN)):
        with pytest.raises(InvalidStatus) as refused:
            proxy.socket(target, origin, headers)
        assert refused.value.response.status_code == status


@pytest.mark.parametrize("target", ["ui", "mlflow"])
def test_the_login_of_a_browser_does_not_help_the_page_of_another_site(proxy: Proxy, target: str):
    path = "/graphql" if target == "ui" else "/api/2.0/mlflow/experiments/search"
    body = {"query": "{version}"} if target == "ui" else {"max_results": 5}
    own, other = {"Origin": proxy.origin(target)}, {"Origin": proxy.origin("dashboard")}
    answer = proxy.ask(target, "POST", path, body, own | login(OPERATOR))
    assert answer.status == OK
    assert proxy.ask(target, "POST", path, body, other | login(OPERATOR)).status == FORBIDDEN
    from_a_page = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert proxy.ask(target, "GET", "/", headers=from_a_page | login(OPERATOR)).status == FORBIDDEN
