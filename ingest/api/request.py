"""The Falcon request of the edge: it computes an attribute when a responder asks for it.

Falcon's own constructor joins the headers, decodes and parses the query and makes a context object, for each
request. Nearly all requests of the edge are reports, which need none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import falcon
import falcon.asgi

from ingest.checks import targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from falcon.request import RequestOptions

    from ingest.body import request_body


class EdgeRequest(falcon.asgi.Request):
    """A request, with its headers as the bytes that were sent.

    Falcon's attributes are all there: those of ``_COMPUTED`` get their values when they are first read.

    Attributes:
        fields: headers by name, in lower case; the last one of those that were repeated.
        query: the query string as bytes, without its ``?``.
        target: the project, key and stream of the request; ``targets.NOWHERE`` until a responder finds them.
        body: the body on its way in.
    """

    __slots__ = ("body", "fields", "query", "target")

    fields: dict[bytes, bytes]
    query: bytes
    target: targets.Target
    body: request_body.RequestBody
    is_websocket = False

    def __init__(
        self,
        scope: dict[str, Any],
        receive: request_body.RequestBody,
        first_event: Any = None,  # noqa: ANN401, ARG002 - Falcon's own; the body makes it up
        options: RequestOptions | None = None,
    ) -> None:
        self.scope = scope
        self.fields = dict(scope["headers"])
        self.query = scope["query_string"]
        self.body = receive
        self.method = scope["method"]
        self.path = scope["path"]
        self.options = options or falcon.RequestOptions()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as different as the attributes
        """Compute one of Falcon's attributes that has no value yet, and keep it.

        Raises:
            AttributeError: Falcon's requests have no such attribute.
        """
        compute = _COMPUTED.get(name)
        if compute is None:
            raise AttributeError(name)
        value = compute(self)
        setattr(self, name, value)
        return value


def _content_type(request: EdgeRequest) -> str | None:
    value = request.fields.get(b"content-type")
    return None if value is None else value.decode("latin-1")


def _joined_headers(request: EdgeRequest) -> dict[bytes, bytes]:
    """Return the headers as Falcon reads them, which joins those that were repeated."""
    headers: dict[bytes, bytes] = falcon.asgi.Request(request.scope, request.body)._asgi_headers  # noqa: SLF001
    return headers


def _parameters(request: EdgeRequest) -> dict[str, Any]:
    return falcon.uri.parse_query_string(
        request.query_string,
        keep_blank=request.options.keep_blank_qs_values,
        csv=request.options.auto_parse_qs_csv,
    )


_COMPUTED: Final[dict[str, Callable[[EdgeRequest], Any]]] = {
    "content_type": _content_type,
    "context": lambda request: request.context_type(),
    "query_string": lambda request: request.query.decode(),
    "target": lambda _request: targets.NOWHERE,
    "uri_template": lambda _request: None,
    "_asgi_headers": _joined_headers,
    "_first_event": lambda _request: None,
    "_params": _parameters,
    "_receive": lambda request: request.body,
}
