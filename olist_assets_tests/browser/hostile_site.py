"""Another site, whose page tries what a page can make a browser send to a server of the platform."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

# Requests that leave no trace in the page can still have an effect on the server, which the test looks for there.
ATTACKS = """
const {base, read, write, body, socket} = TARGET;
const text = JSON.stringify(body), seen = new Set(), waits = [];
const settled = start => waits.push(new Promise(done => { start(done); setTimeout(done, 4000); }));
function element(tag, attributes, name) {
  settled(done => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.onload = () => { if (name) seen.add(name); done(); };
    made.onerror = done;
    document.body.append(made);
  });
}
function sent(name, url, options) {
  waits.push(fetch(base + url, options).then(answer => answer.text()).then(got => got && seen.add(name), () => 0));
}
for (const tag of ['img', 'video', 'embed', 'iframe']) element(tag, {src: base + read});
element('script', {src: base + read}, 'script was run');
element('link', {rel: 'stylesheet', href: base + read});
element('object', {data: base + read});
for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
  for (const [method, path] of [['POST', write], ['POST', read], ['GET', write]]) {
    // In a frame each: the next form would replace one that was not sent yet.
    const target = `frame ${document.forms.length}`;
    document.body.append(Object.assign(document.createElement('iframe'), {name: target}));
    const form = Object.assign(document.createElement('form'), {method, enctype, action: base + path, target});
    // As text/plain this is the JSON text itself, with one more member that holds the "=" between name and value.
    const named = {[text.slice(0, -1) + ', "x": "']: '"}', ...body};
    for (const name in named) form.append(Object.assign(document.createElement('input'), {name, value: named[name]}));
    document.body.append(form);
    form.submit();
  }
}
for (const type of ['text/plain', 'text/plain; application/json', 'application/x-www-form-urlencoded']) {
  sent('opaque answer was read', write, {method: 'POST', mode: 'no-cors', headers: {'Content-Type': type}, body: text});
  navigator.sendBeacon(base + write, new Blob([text], {type}));
  sent('answer was read', write, {method: 'POST', credentials: 'include', headers: {'Content-Type': type}, body: text});
}
sent('opaque answer was read', read, {mode: 'no-cors', headers: {Accept: 'text/html'}});
sent('opaque answer was read', read, {method: 'POST', mode: 'no-cors'});
sent('answer was read', read, {});
for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
  sent('answer was read', write, {method, headers: {'Content-Type': 'application/json'}, body: text});
}
settled(done => { const events = new EventSource(base + read); events.onerror = done; });
for (const protocol of [undefined, 'graphql-ws', 'streamlit']) {
  settled(done => {
    const opened = new WebSocket(base.replace('http', 'ws') + socket, protocol);
    opened.onopen = () => { seen.add('WebSocket was opened'); done(); };
    opened.onerror = done;
  });
}
waits.push(new Promise(done => setTimeout(done, 3000)));  // for forms and beacons, which report no end
Promise.all(waits).then(() => fetch('REPORT', {method: 'POST', mode: 'no-cors', body: JSON.stringify([...seen])}))
  .then(() => { if (top === self) location.href = base + read; });
"""
PAGE = '<!doctype html><meta charset="utf-8"><title>Hostile</title><body><script>{}</script>'
# A page in a sandbox has the origin `null`.
SANDBOX = '<!doctype html><iframe sandbox="allow-scripts allow-forms" src="/attack?{}"></iframe>'


@dataclass
class HostileSite:
    port: int = 0
    reports: list[list[str]] = field(default_factory=list)
    """What each page saw of the answers to its requests, when it has tried everything."""


@contextmanager
def hostile_site() -> Iterator[HostileSite]:
    """A server of pages `/attack?TARGET`, `/sandbox?TARGET` and `/frame?URL`; TARGET is JSON, as ATTACKS reads it."""
    site = HostileSite()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(_page(parts.path, parts.query, f"http://{self.headers['Host']}/report"))

        def do_POST(self) -> None:
            site.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer("")

        def _answer(self, page: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_address[1]
        Thread(target=server.serve_forever, daemon=True).start()
        yield site
        server.shutdown()


def _page(path: str, query: str, report: str) -> str:
    if path == "/sandbox":
        return SANDBOX.format(query)
    if path == "/frame":
        return f'<!doctype html><iframe src="{parse_qs(query)["url"][0]}"></iframe>'
    if path == "/attack":
        target = parse_qs(query)["target"][0].replace("<", "\\u003c")
        return PAGE.format(ATTACKS.replace("TARGET", target).replace("REPORT", report))
    return ""
