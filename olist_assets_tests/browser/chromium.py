"""A headless Chromium, driven by its own protocol."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from olist_assets_tests.servers import wait_until

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
EVIL = "evil.example"
"""A name of another site, which leads to this machine; no other name but localhost leads anywhere."""
OPTIONS = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
    f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip


class Tab:
    """One page of the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._ids = socket, count(1)

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv(timeout=60))).get("id") != number:
            pass
        return answer["result"]

    def open(self, url: str) -> None:
        self._ask("Page.navigate", url=url)

    def text(self) -> str:
        return self._value("document.body ? document.body.innerText : ''")

    def title(self) -> str:
        return self._value("document.title")

    def _value(self, expression: str) -> str:
        return self._ask("Runtime.evaluate", expression=expression)["result"].get("value", "")

    def frames(self) -> list[str]:
        """The addresses that the frames of the page show; a refused one shows the browser's own error."""
        return [frame["frame"]["url"] for frame in self._ask("Page.getFrameTree")["frameTree"].get("childFrames", [])]


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """A tab of a browser with a new profile, which is ended after the body."""
    assert CHROMIUM
    # Chromium's own sandbox does not start as root.
    as_root = ["--no-sandbox"] * (os.getuid() == 0)
    command = [CHROMIUM, *OPTIONS, *as_root, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        written = profile / "DevToolsActivePort"
        wait_until(lambda: written.exists() and len(written.read_text().split()) > 1, "Chromium answers")
        address = f"http://127.0.0.1:{written.read_text().split()[0]}/json/list"
        (page,) = [target for target in requests.get(address, timeout=60).json() if target["type"] == "page"]
        with connect(page["webSocketDebuggerUrl"], max_size=None) as socket:
            yield Tab(socket)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
