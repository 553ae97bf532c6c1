"""The request object that gunicorn's loop works with, made from a head.

gunicorn's own parsers make theirs with checks that ``heads`` has done already, and with rules for gateways
to WSGI (schemes, names with ``_``) that the edge does not use.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from gunicorn.asgi import parser

from ingest.http import heads

_VERSIONS: Final = {True: (1, 0), False: (1, 1)}


class ServerRequest(parser.CallbackRequest):  # type: ignore[misc] # gunicorn has no types
    """A request without its body."""

    def __init__(self, head: heads.RequestHead) -> None:
        path, _, query = head.target.partition(b"?")
        self.method = head.method.decode()
        self.uri = head.target.decode()
        self.raw_path = path
        self.path = (unquote_to_bytes(path) if b"%" in path else path).decode(errors="replace")
        self.query = query.decode()
        self.fragment = ""
        self.version = _VERSIONS[head.old]
        self.scheme = "http"
        self.headers_bytes = head.fields
        self._headers = None
        self.content_length = max(0, head.length)
        self.chunked = head.length == heads.CHUNKED
        self.proxy_protocol_info = None
        self._connection = None
        self._has_upgrade = False
        self._read_fields(head)

    def _read_fields(self, head: heads.RequestHead) -> None:
        """Read the fields about the connection (RFC 9110 §7.6.1 and §10.1.1); HTTP/1.0 ends it anyway."""
        closing, expecting = head.old, False
        for name, value in head.fields:
            if name == b"connection":
                closing = closing or b"close" in (option.strip() for option in value.lower().split(b","))
            elif name == b"expect":
                expecting = value.lower() == b"100-continue"
        self.must_close = closing
        self._expect_100_continue = expecting and not head.old
