"""A mail server, a webhook and Dagster's storage of this test alone."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import dagster as dg
import pytest
from aiosmtpd.controller import Controller

from olist_assets.alerts.tick import tick
from olist_assets.settings import Settings
from olist_assets_tests.servers import free_port


class Mailbox:
    """A handler of aiosmtpd: keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802  # aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def text(self) -> str:
        body = self.messages[-1].get_body(("plain",))
        return body.get_content() if body else ""


class Hook:
    """What a webhook was sent, and the status that it answers."""

    def __init__(self, port: int) -> None:
        self.status, self.posts, hook = 200, [], self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's name
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if hook.status == 200:
                    hook.posts.append(body)
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on the terminal."""

        self.server = HTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{port}/services/sEcReT"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    values = {"EMAIL_TO": "a@example.org, b@example.org", "EMAIL_FROM": "olist@example.org", "SMTP_HOST": "127.0.0.1"}
    for name, value in {**values, "SMTP_PORT": str(port), "SMTP_TLS": "none"}.items():
        monkeypatch.setenv(f"OLIST_ALERT_{name}", value)
    yield box
    controller.stop()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    hook = Hook(free_port())
    thread = Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("OLIST_ALERT_WEBHOOK", hook.url)
    yield hook
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("OLIST_WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.setenv("OLIST_DAGSTER_URL", "http://dagster.example:3000/")
    with dg.DagsterInstance.ephemeral() as storage:
        yield storage


class Rounds:
    """Ticks one after the other, with the cursor between them; the first is the beginning."""

    def __init__(self, storage: dg.DagsterInstance) -> None:
        self.storage, self.cursor, self.is_well = storage, None, True
        self()

    def __call__(self) -> str:
        self.cursor, done, self.is_well = tick(self.storage, Settings(), self.cursor)
        return "; ".join(done)


@pytest.fixture
def rounds(storage):
    """Made by the test once its sinks are set."""
    return lambda: Rounds(storage)
