"""Any number of hosts, ports and schemes on loopback: a proxy that answers everything itself.

A browser that is told to use it finds whatever it asks for: ``http://a.example:8081/`` as well as, where
there are certificates, ``https://b.example/``. Nothing leaves the machine, and it takes one port of it.
"""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

Headers = tuple[tuple[str, str], ...]
_PEEK_S: Final = 10.0
_TLS: Final = b"\x16"
"""The first byte of a TLS handshake (RFC 8446 §5.1)."""


class Request(NamedTuple):
    """A request: its whole URL, and its body."""

    url: str
    body: bytes


class Answer(NamedTuple):
    """An answer. Header values are sent as UTF-8, whatever is in them."""

    body: bytes = b""
    content_type: str = "text/plain"
    headers: Headers = ()
    status: int = 200


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers absolute URLs, and what comes through the tunnels it opens to itself."""

    protocol_version = "HTTP/1.1"
    server: _Server
    origin = ""

    def do_CONNECT(self) -> None:
        """Open a tunnel, and be the other end of it."""
        self.send_response(200)
        self.end_headers()
        self.connection.settimeout(_PEEK_S)
        secure = self.connection.recv(1, socket.MSG_PEEK) == _TLS
        if secure:
            if self.server.context is None:
                self.close_connection = True
                return
            self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile.close()
            self.wfile = self.connection.makefile("wb", buffering=0)
        host, _, port = self.path.rpartition(":")
        default = "443" if secure else "80"
        self.origin = f"http{'s' if secure else ''}://{host}{'' if port == default else f':{port}'}"
        self.close_connection = False

    def do_GET(self) -> None:
        """Answer."""
        length = int(self.headers.get("Content-Length") or 0)
        url = self.origin + self.path if self.origin else self.path
        answer = self.server.answer(Request(url, self.rfile.read(length)))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "*")
        for name, value in answer.headers:
            self.send_header(name, value.encode().decode("latin-1"))
        self.end_headers()
        self.wfile.write(answer.body)

    do_POST = do_GET  # noqa: N815 - as the base class wants it
    do_HEAD = do_GET  # noqa: N815
    do_OPTIONS = do_GET  # noqa: N815

    def finish(self) -> None:
        """Close what TLS made of the connection too: the server knows only what it was before."""
        super().finish()
        self.connection.close()

    def log_message(self, *_arguments: object) -> None:
        """Keep the test output free of access logs."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Answer], context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.context = context

    def handle_error(self, *_arguments: object) -> None:
        """A browser that goes away, or trusts no certificate, is no error of a test."""


@contextlib.contextmanager
def served(answer: Callable[[Request], Answer], context: ssl.SSLContext | None) -> Iterator[int]:
    """Answer for every host, over TLS too if there is a context; yield the port of the proxy."""
    server = _Server(answer, context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
