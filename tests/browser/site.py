"""A small site on loopback whose page violates its own Content-Security-Policy in every common way."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

ENFORCED: Final = "default-src 'self'; script-src 'self' 'report-sample'"
WATCHED: Final = "frame-src 'none'"
"""The Report-Only policy; the page's frame of its own violates it."""

_PAGE: Final = """<!doctype html><html><head><title>A page that violates its policy</title>
<link rel="icon" href="/icon.png">
<style>h1 {{ color: red }}</style>
<script>window.injected = true</script>
<script src="/violate.js" data-elsewhere="{elsewhere}"></script>
</head><body>
<h1 style="color: green" onclick="alert(1)">Hello</h1>
<img src="{elsewhere}/pixel.png" alt="">
<iframe src="/frame.html"></iframe>
</body></html>"""

_SCRIPT: Final = """
try { eval("1 + 1"); } catch (refused) { console.log(refused.name); }
fetch(document.currentScript.dataset.elsewhere + "/beacon").catch(() => {});
if (location.search === "?leave") {
  window.addEventListener("load", () => setTimeout(() => location.assign("about:blank"), 500));
}
"""


class Violation(NamedTuple):
    """One violation of the page, as the analysts' columns name it."""

    directive: str
    blocked: str
    disposition: str


class Site:
    """The site while it is served.

    Attributes:
        host: the name by which browsers reach it; the page's URL is ``page``.
        served_at: when the page was first asked for, by ``time.monotonic()``; None before.
    """

    def __init__(self, scheme: str, host: str, port: int, elsewhere: str) -> None:
        self.page = f"{scheme}://{host}:{port}/"
        self.frame = f"{self.page}frame.html"
        self.elsewhere = elsewhere
        self.served_at: float | None = None

    def violations(self) -> set[Violation]:
        """Return what every browser must report of one visit, whatever else it reports."""
        return {
            Violation("script-src-elem", "inline", "enforce"),
            Violation("script-src-attr", "inline", "enforce"),
            Violation("script-src", "eval", "enforce"),
            Violation("style-src-elem", "inline", "enforce"),
            Violation("style-src-attr", "inline", "enforce"),
            Violation("img-src", f"{self.elsewhere}/pixel.png", "enforce"),
            Violation("connect-src", f"{self.elsewhere}/beacon", "enforce"),
            Violation("frame-src", self.frame, "report"),
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves the three documents of the site."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer with the page under its policies, its script, or an empty frame."""
        server = self.server
        path = self.path.partition("?")[0]
        if path == "/":
            server.site.served_at = server.site.served_at or time.monotonic()
            self._answer("text/html", _PAGE.format(elsewhere=server.site.elsewhere), server.headers)
        elif path == "/violate.js":
            self._answer("text/javascript", _SCRIPT, {})
        else:
            self._answer("text/html", "", {})

    def _answer(self, content_type: str, text: str, headers: Mapping[str, str]) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Keep the test output free of access logs."""


class _Server(http.server.ThreadingHTTPServer):
    """Holds what the handler serves, and forgets connections that browsers drop half-way."""

    daemon_threads = True
    site: Site
    headers: Mapping[str, str]

    def handle_error(self, *_arguments: object) -> None:
        """A browser that is closed while it loads is no error of the site."""


@contextlib.contextmanager
def served(
    headers: Mapping[str, str], *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Site]:
    """Serve the site with these headers on its page, over TLS when a context is given."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls:
        # The handshake belongs to the connection's own thread: a browser may connect and say nothing.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    port = server.server_address[1]
    scheme = "https" if tls else "http"
    server.site = Site(scheme, host, port, elsewhere=f"{scheme}://elsewhere.test:{port}")
    server.headers = headers
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def legacy_headers(endpoint: str) -> dict[str, str]:
    """Return the headers that send the reports one by one, by ``report-uri``."""
    return {
        "Content-Security-Policy": f"{ENFORCED}; report-uri {endpoint}",
        "Content-Security-Policy-Report-Only": f"{WATCHED}; report-uri {endpoint}",
    }


def reporting_api_headers(endpoint: str) -> dict[str, str]:
    """Return the headers that send the reports in batches, by the Reporting API."""
    return {
        "Reporting-Endpoints": f'violations="{endpoint}"',
        "Content-Security-Policy": f"{ENFORCED}; report-to violations",
        "Content-Security-Policy-Report-Only": f"{WATCHED}; report-to violations",
    }
