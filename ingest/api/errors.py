"""The error handler: it answers each exception with one refusal of ``ingest.refusals``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import falcon
import structlog

from ingest import refusals
from ingest.api import routes

if TYPE_CHECKING:
    from ingest.api import request, response
    from ingest.backend import refusal_counter

_log = structlog.get_logger(__name__)

_BY_STATUS: Final = {
    int(refusal.status): refusal for refusal in (refusals.NO_ROUTE, refusals.METHOD, refusals.INTERNAL)
}
_KNOWN_METHODS: Final = frozenset(falcon.COMBINED_METHODS) - {"WEBSOCKET"}
"""The methods that Falcon routes. It answers any other by itself, with the error of a bad request."""


class ErrorHandler:
    """Falcon's error handler for all of the edge.

    Args:
        counter: counts what is refused where reports are taken.
    """

    def __init__(self, counter: refusal_counter.RefusalCounter) -> None:
        self._counter = counter

    async def answer(
        self,
        request: request.EdgeRequest,
        response: response.EdgeResponse,
        error: Exception,
        _parameters: dict[str, Any],
    ) -> None:
        """Answer a request with the refusal that an exception stands for, and count it."""
        takes_reports = request.path.startswith(routes.PREFIX)
        is_method_unknown = takes_reports and request.method not in _KNOWN_METHODS
        refusal = _refusal_of(error, is_method_unknown=is_method_unknown)
        if takes_reports:
            self._counter.count(refusal, request.target)
        response.status = int(refusal.status)
        response.data = refusal.content
        response.set_headers(refusal.headers)
        if isinstance(error, falcon.HTTPError):
            response.set_headers(error.headers or {})  # such as the methods of another resource
            if refusal is refusals.MALFORMED:  # the catalogue has no words for the status of this error
                response.status = error.status_code


def _refusal_of(error: Exception, *, is_method_unknown: bool) -> refusals.Refusal:
    """Return the refusal that an exception stands for; an unforeseen one is logged, and not told."""
    if isinstance(error, refusals.RefusedError):
        return error.refusal
    if isinstance(error, falcon.HTTPBadRequest) and is_method_unknown:
        return refusals.METHOD
    if isinstance(error, falcon.HTTPError):
        return _BY_STATUS.get(error.status_code, refusals.MALFORMED)
    _log.error("request_failed", exc_info=error)
    return refusals.INTERNAL
