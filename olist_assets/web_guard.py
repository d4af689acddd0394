"""The guard of the web servers: an ASGI wrapper that lets only a server's own pages, and programs, use it.

Dagster's UI, the dashboard and MLflow have no login and listen on the loopback address. Every web page that is open in
a browser on the machine can send requests there; whether a server obeys them must not depend on the page's good will.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from olist_assets.loopback import NAMES

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

DEFAULT_PORTS = {"http": 80, "https": 443}
READING = ("GET", "HEAD")
# The types that a page of another site can send without asking first, and no type at all, which counts as text/plain.
UNASKED_TYPES = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
GRAPHQL_TYPES = ("application/json", "application/graphql")
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
HEADERS = {
    # No other site shows a page in a frame of its own, where a click meant for that site would go to ours.
    b"x-frame-options": b"SAMEORIGIN",
    b"content-security-policy": b"frame-ancestors 'self'",
    # No other site embeds an answer as a picture or script, or holds a handle of our window.
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
}


class Guard:
    """An ASGI application that refuses with 403 what another site's page can make a browser send.

    `allowed_origins` are the addresses of the server as browsers see them behind a reverse proxy; its addresses on the
    loopback interface are always allowed.
    """

    def __init__(self, app: App, allowed_origins: Iterable[str] = ()) -> None:
        self.app, self.allowed_origins = app, frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif reason := refusal(scope, self.allowed_origins):
            await _refuse(scope, send, f"Refused: {reason}\n")
        else:
            await self.app(scope, receive, _with_headers(send))


def loopback_origins(port: int) -> list[str]:
    """The addresses of a server on this machine."""
    return [f"http://{f'[{name}]' if ':' in name else name}:{port}" for name in NAMES]


def hosts_of(origin: str) -> set[str]:
    """The values of the header Host for an origin: with its port, and without it if it is the scheme's own."""
    parts = urlsplit(origin)
    name = parts.netloc.removesuffix(f":{parts.port}")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return {name, f"{name}:{port}"} if port == DEFAULT_PORTS[parts.scheme] else {f"{name}:{port}"}


def refusal(request: Scope, allowed_origins: Iterable[str]) -> str | None:
    """Why an HTTP request or a WebSocket is refused; None if it is not."""
    header = _headers(request)
    origins = [*loopback_origins(request["server"][1]), *allowed_origins]
    own = [origin for origin in origins if header("host").lower() in hosts_of(origin)]
    if not own:
        return (
            f"the host {header('host')!a} is not an address of this server, which are {', '.join(origins)}. "
            "OLIST_ALLOWED_ORIGINS allows the address of a reverse proxy."
        )
    if header("origin") not in ("", *own):
        return f"it comes from a page of {header('origin')!a}, another site than {own[0]}."
    if request["type"] == "websocket":
        return None if header("origin") else "a WebSocket must name the Origin of its page."
    if header("sec-fetch-site") not in ("", "same-origin", "none") and not _opens_a_page(request["method"], header):
        return "it comes from a page of another site. Open the address itself."
    return _refusal_by_content(request, header)


def _headers(request: Scope) -> Callable[[str], str]:
    """Reads a header; the values of a repeated one are joined, so that none is overlooked."""
    headers = [(name.lower(), value) for name, value in request["headers"]]
    return lambda wanted: ", ".join(value.decode("latin-1") for name, value in headers if name == wanted.encode())


def _opens_a_page(method: str, header: Callable[[str], str]) -> bool:
    """Whether somebody follows a link, which the other site's page can neither read nor show in a frame."""
    return (method, header("sec-fetch-mode"), header("sec-fetch-dest")) == ("GET", "navigate", "document")


def _refusal_by_content(request: Scope, header: Callable[[str], str]) -> str | None:
    # Starlette takes a path that ends with a line feed for the path without it: `/graphql%0a` would be GraphQL.
    if CONTROL_CHARACTER.search(request["path"]):
        return "its path contains a control character."
    content_type = header("content-type").split(";")[0].strip().lower()
    is_graphql = request["path"].rstrip("/").endswith("/graphql")
    if request["method"] in READING:
        # Dagster executes what such an address holds, mutations too; a browser that wants a page gets GraphiQL.
        opens_graphiql = "text/html" in header("accept") and not request.get("query_string")
        return "GraphQL is answered by POST only." if is_graphql and not opens_graphiql else None
    if is_graphql and request["method"] == "POST" and content_type not in GRAPHQL_TYPES:
        return f"GraphQL must have the content type {GRAPHQL_TYPES[0]}, not {content_type!a}."
    if request["method"] == "POST" and not header("origin") and content_type in UNASKED_TYPES:
        return f"a POST without an Origin must have a content type like application/json, not {content_type!a}."
    return None


async def _refuse(scope: Scope, send: Send, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS.items()]
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": 403, "headers": headers})
    await send({"type": f"{kind}.body", "body": text.encode()})


def _with_headers(send: Send) -> Send:
    """Add the guard's headers to an answer. Policies of an application stay; a browser obeys all of them."""
    once = {name for name in HEADERS if name != b"content-security-policy"}

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [header for header in message.get("headers", ()) if header[0].lower() not in once]
            message = {**message, "headers": [*others, *HEADERS.items()]}
        await send(message)

    return send_with_headers
