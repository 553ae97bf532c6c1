"""A small site on loopback: a few documents under headers of their own, over http or TLS."""

from __future__ import annotations

import contextlib
import http.server
import string
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping


class Document(NamedTuple):
    """The answer of the site to one path.

    In text and headers ``$site`` and ``$elsewhere`` stand for the origins of the site and of another one that
    is the same server, ``$port`` for its port, ``$endpoint`` for the URL that reports go to.

    Attributes:
        text: the body.
        headers: of the answer.
        content_type: of the body, without its charset.
        status: of the answer.
        answered: whether it is answered: False closes the connection, None leaves the browser waiting for the
            end of the body.
    """

    text: str = ""
    headers: Mapping[str, str] = {}
    content_type: str = "text/html"
    status: int = 200
    answered: bool | None = True


Documents = dict[str, Document]
"""The documents of a site by path; ``/`` is the page that is visited."""


class Site:
    """The site while it is served.

    Attributes:
        page: URL of the page.
        elsewhere: the other origin.
        served_at: when the page was first asked for, by ``time.monotonic()``; None before.
    """

    def __init__(self, origin: str, elsewhere: str, port: int) -> None:
        self.page = f"{origin}:{port}/"
        self.elsewhere = f"{elsewhere}:{port}"
        self.served_at: float | None = None
        self._names = {"site": self.page.rstrip("/"), "elsewhere": self.elsewhere, "port": str(port)}

    def filled(self, text: str, endpoint: str = "") -> str:
        """Return a text with this site's names in it."""
        return string.Template(text).substitute(self._names, endpoint=endpoint)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves the documents of the site; every other path is an empty page."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer with the document, or as it says that it answers."""
        path = self.path.partition("?")[0]
        if path == "/":
            self.server.site.served_at = self.server.site.served_at or time.monotonic()
        document = self.server.documents.get(path, Document())
        if document.answered is not False:
            self._answer(document)
        if document.answered is None:
            self.server.closing.wait()
        self.close_connection = not document.answered

    def _answer(self, document: Document) -> None:
        fill = self.server.fill
        body = fill(document.text).encode()
        sent = len(body) if document.answered else len(body) // 2
        self.send_response(document.status)
        self.send_header("Content-Type", f"{document.content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in document.headers.items():
            self.send_header(name, fill(value))
        self.end_headers()
        self.wfile.write(body[:sent])

    def log_message(self, *_arguments: object) -> None:
        """Keep the test output free of access logs."""


class _Server(http.server.ThreadingHTTPServer):
    """Holds what the handler serves, and forgets connections that browsers drop half-way."""

    daemon_threads = True
    site: Site
    documents: Documents
    endpoint: str

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.closing = threading.Event()

    def fill(self, text: str) -> str:
        return self.site.filled(text, self.endpoint)

    def handle_error(self, *_arguments: object) -> None:
        """A browser that is closed while it loads is no error of the site."""


@contextlib.contextmanager
def served(
    documents: Documents,
    endpoint: str,
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[Site]:
    """Serve the documents on a port, a free one by default, over TLS when a context is given."""
    server = _Server(port)
    if tls:
        # The handshake belongs to the connection's own thread: a browser may connect and say nothing.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https" if tls else "http"
    server.site = Site(f"{scheme}://{host}", f"{scheme}://elsewhere.test", server.server_address[1])
    server.documents = documents
    server.endpoint = endpoint
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.site
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
