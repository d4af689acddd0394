"""The guard of the web servers: what it refuses, by the header that shows it, and what it lets through."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest

from olist_assets.settings import Settings
from olist_assets.web_guard import HEADERS, Guard, hosts_of
from olist_assets_tests.packaging.test_requirements import PYPROJECT

PORT = 3000
HOST, ORIGIN = "127.0.0.1:3000", "http://127.0.0.1:3000"
PROXIED = ("https://ui.example.com", "https://other.example.com:8443")
OK, FORBIDDEN = 200, 403
# What browsers send with the requests of a page, by what the page does.
LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "accept": "text/html"}
FRAME = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe", "accept": "text/html"}
IMAGE = {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image", "accept": "image/*"}
FETCH = {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty", "accept": "*/*"}
FORM_TYPES = (
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "text/plain; application/json", "TEXT/PLAIN;charset=application/json",
)  # fmt: skip
FOREIGN_ORIGINS = (
    "null", "http://localhost:9000", "http://127.0.0.1:9000", "http://127.0.0.1", "https://127.0.0.1:3000",
    "http://evil.example", "http://127.0.0.1:3000.evil.example", "http://localhost:3000", "https://ui.example.com",
    "http://127.0.0.1:30000", "file://", "chrome-extension://abc", f"{ORIGIN}, http://evil.example",
)  # fmt: skip
FOREIGN_HOSTS = (
    "", "evil.example", "evil.example:3000", "127.0.0.1", "127.0.0.1:3001", "localhost", "localhost:3000.evil.example",
    "localhost.:3000", "0.0.0.0:3000", "127.0.0.1:3000, evil.example", "ui.example.com:3000", "other.example.com",
    "ui.example.com.evil.example", "x@127.0.0.1:3000", "[::]:3000", "192.168.evil.example",
)  # fmt: skip


def answer(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    *,
    kind: str = "http",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of the guard's answer to a request; 200 is the application's own."""
    reached, sent = [], []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        await send({"type": "http.response.start", "status": OK, "headers": [(b"X-Frame-Options", b"ALLOWALL")]})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": kind, "method": method, "path": path, "query_string": query.encode(), "server": ("127.0.0.1", PORT),
        "headers": [(name.encode(), value.encode()) for name, value in {"host": HOST, **(headers or {})}.items()],
        "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    asyncio.run(Guard(application, PROXIED)(scope, lambda: None, send))  # type: ignore[arg-type]
    status = sent[0]["status"]
    assert bool(reached) == (status == OK)
    text = b"".join(message.get("body", b"") for message in sent).decode()
    return status, text, {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}


def status(*words: str, kind: str = "http", **headers: str) -> int:
    return answer(*words, kind=kind, headers={name.replace("_", "-"): value for name, value in headers.items()})[0]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_foreign_host_is_refused_whatever_its_origin(kind, host):
    assert status(kind=kind, host=host) == FORBIDDEN
    assert status(kind=kind, host=host, origin=f"http://{host}") == FORBIDDEN
    assert status(kind=kind, host=host, origin=ORIGIN) == FORBIDDEN


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_foreign_origin_is_refused_for_every_method_and_for_websockets(origin):
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert status(method, origin=origin, content_type="application/json") == FORBIDDEN
    assert status(kind="websocket", origin=origin) == FORBIDDEN


@pytest.mark.parametrize("site", ["cross-site", "same-site", "unknown"])
@pytest.mark.parametrize("what", [FRAME, IMAGE, FETCH, LINK | {"sec-fetch-dest": "object"}, {}], ids=str)
def test_request_of_another_sites_page_is_refused(site, what):
    for method in ("GET", "HEAD", "POST"):
        assert answer(method, headers=what | {"sec-fetch-site": site})[0] == FORBIDDEN


def test_link_from_another_site_opens_a_page_and_does_nothing_else():
    from_another = LINK | {"sec-fetch-site": "cross-site"}
    assert answer("GET", "/runs/1", headers=from_another)[0] == OK
    assert answer("GET", "/graphql", headers=from_another)[0] == OK  # GraphiQL
    assert answer("GET", "/graphql", "query=mutation{x}", headers=from_another)[0] == FORBIDDEN
    assert answer("POST", "/runs/1", headers=from_another)[0] == FORBIDDEN


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/prefix/graphql"])
def test_graphql_is_answered_by_post_with_a_type_that_needs_a_permission(path):
    assert status("GET", path, "query=mutation{x}") == FORBIDDEN
    assert status("GET", path, "query={version}", accept="application/json") == FORBIDDEN
    assert status("HEAD", path) == FORBIDDEN
    assert status("POST", path, content_type="application/json; charset=utf-8") == OK
    for content_type in ("", "application/octet-stream", "application/json, text/plain", *FORM_TYPES):
        assert status("POST", path, content_type=content_type, origin=ORIGIN) == FORBIDDEN


@pytest.mark.parametrize("end", ["\n", "\r", "\0", "\n/", "\x7f"])
def test_path_with_a_control_character_is_refused(end):
    """A router may read it as the path without the character, such as that of GraphQL."""
    assert status("GET", f"/graphql{end}", "query=mutation{x}") == FORBIDDEN
    assert status("POST", f"/graphql{end}", content_type="application/json", origin=ORIGIN) == FORBIDDEN


@pytest.mark.parametrize("content_type", ["", *FORM_TYPES])
def test_form_needs_an_origin(content_type):
    """Every current browser sends one with a POST; without it, an old one may have been made to send the form."""
    path = "/report_asset_materialization/bronze_orders"
    assert status("POST", path, content_type=content_type) == FORBIDDEN
    assert status("POST", path, content_type=content_type, origin=ORIGIN, sec_fetch_site="same-origin") == OK
    assert status("POST", path, content_type="application/json") == OK


def test_pages_of_the_server_and_programs_may_use_it():
    for host in ("127.0.0.1:3000", "localhost:3000", "LOCALHOST:3000", "[::1]:3000"):
        own = {"host": host, "origin": f"http://{host.lower()}", "sec_fetch_site": "same-origin"}
        assert status("GET", "/", host=host, sec_fetch_site="none") == OK
        assert status("POST", "/graphql", content_type="application/json", **own) == OK
        assert status("DELETE", "/file", **own) == OK
        assert status(kind="websocket", **own) == OK
        assert status("POST", "/graphql", host=host, content_type="application/json") == OK
        assert status("PUT", "/artifact", host=host) == OK


def test_addresses_of_a_proxy_are_allowed_each_for_its_own_pages():
    for origin in PROXIED:
        (host,) = hosts_of(origin) - {"ui.example.com:443"}
        assert status("POST", "/", host=host, origin=origin, content_type="application/json") == OK
        assert status("POST", "/", host=host, origin=origin.replace("https", "http")) == FORBIDDEN
        for other in {*PROXIED, ORIGIN} - {origin}:
            assert status("GET", "/", host=host, origin=other) == FORBIDDEN
    assert status("GET", "/", host="ui.example.com:443", origin=PROXIED[0]) == OK


def test_websocket_must_name_its_origin():
    assert status(kind="websocket") == FORBIDDEN
    assert status(kind="websocket", origin=ORIGIN) == OK


def test_websocket_of_a_server_that_cannot_answer_it_is_closed():
    sent = []
    scope = {"type": "websocket", "path": "/", "server": ("127.0.0.1", PORT), "headers": []}

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(lambda *_: pytest.fail("it was reached"))(scope, lambda: None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_refusal_is_short_plain_text_that_names_the_setting():
    _, text, headers = answer(headers={"host": "evil.example\n<script>é"})
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert "OLIST_ALLOWED_ORIGINS" in text
    assert (len(text.splitlines()), text.isascii()) == (1, True)


def test_no_other_site_can_frame_an_answer_or_a_refusal():
    for host in (HOST, "evil.example"):
        headers = answer(headers={"host": host})[2]
        assert {name.decode(): value.decode() for name, value in HEADERS.items()}.items() <= headers.items()


@pytest.mark.parametrize(
    "value",
    ["*", "dagster.example.com", "https://a.example/ui", "https://*.example.com", "https://a b", "ftp://a", "x,"],
)
def test_allowed_origins_are_addresses_without_a_path(monkeypatch, value):
    monkeypatch.setenv("OLIST_ALLOWED_ORIGINS", value)
    with pytest.raises(ValueError, match="must be addresses without a path"):
        Settings()


def test_allowed_origins_are_read_as_browsers_write_them(monkeypatch):
    monkeypatch.setenv("OLIST_ALLOWED_ORIGINS", "https://UI.example.com/, http://localhost:8888")
    assert Settings().origins == ["https://ui.example.com", "http://localhost:8888"]


def test_mlflow_finds_the_guarded_application_under_its_name():
    module, _, name = PYPROJECT["project"]["entry-points"]["mlflow.app"]["olist"].partition(":")
    assert callable(getattr(import_module(module), name))
