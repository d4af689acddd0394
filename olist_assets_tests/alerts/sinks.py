"""Receivers of alerts on the loopback address, each with the settings that name it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from aiosmtpd.controller import Controller

from olist_assets_tests.servers import free_port


class Sink(Protocol):
    """A receiver of alerts, and the settings that name it."""

    @property
    def settings(self) -> dict[str, Any]: ...


class Mailbox:
    """A handler of aiosmtpd that keeps the messages it receives."""

    def __init__(self, port: int) -> None:
        self.messages: list[EmailMessage] = []
        self.settings = {
            "alert_email_to": "a@example.org, b@example.org",
            "alert_email_from": "olist@example.org",
            "alert_smtp_host": "127.0.0.1",
            "alert_smtp_port": port,
            "alert_smtp_tls": "none",
        }

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802  # aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def text(self) -> str:
        """The plain text of the last message."""
        body = self.messages[-1].get_body(("plain",))
        return body.get_content() if body else ""


class Hook:
    """A webhook that keeps the posts it receives, and the status that it answers."""

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
                """Print nothing on the terminal."""

        self.server = HTTPServer(("127.0.0.1", port), Handler)
        self.settings = {"alert_webhook": f"http://127.0.0.1:{port}/services/sEcReT"}


class AlertFile:
    """The file of alerts."""

    def __init__(self, path: Path) -> None:
        self.path, self.settings = path, {"alert_file": path}

    def lines(self) -> list[dict[str, Any]]:
        """The alerts in the file."""
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []


@contextmanager
def running_mailbox() -> Iterator[Mailbox]:
    """A mail server that answers while the body runs."""
    port = free_port()
    box = Mailbox(port)
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box
    controller.stop()


@contextmanager
def running_hook() -> Iterator[Hook]:
    """A webhook that answers while the body runs."""
    hook = Hook(free_port())
    thread = Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield hook
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()
