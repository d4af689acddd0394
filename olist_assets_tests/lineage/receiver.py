"""A receiver of OpenLineage events by HTTP, and runs to send events about."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import dagster as dg

METADATA = {"dagster/row_count": 12, "bytes": 345, "files": 1, "delta_version": 7}


class Broken(Exception):
    pass


def run(storage: dg.DagsterInstance, name: str = "silver_orders", *, fails: bool = False) -> str:
    """A run with one step, named as a table; returns its id."""

    @dg.asset(name=name)
    def table() -> dg.MaterializeResult:
        if fails:
            raise Broken("the disk is gone")
        return dg.MaterializeResult(metadata=METADATA)

    return dg.materialize([table], instance=storage, raise_on_error=False).run_id


class Receiver(HTTPServer):
    """Answers `status`, and keeps the path and body of each event that it accepts."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.status = 201
        self.accepted: list[tuple[str, dict[str, Any]]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Receiver)
        if self.server.status == 201:
            self.server.accepted.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing on the terminal."""


@contextmanager
def receiving(port: int) -> Iterator[Receiver]:
    """A receiver that answers at the port while the body runs."""
    receiver = Receiver(port)
    thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()
