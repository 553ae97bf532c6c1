"""The Falcon application of an edge process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import falcon
import falcon.asgi

from ingest import refusals
from ingest.api import request, response, routes
from ingest.body import request_body

if TYPE_CHECKING:
    from ingest.api import errors, lifespan


Send = Callable[[dict[str, Any]], Awaitable[None]]


class EdgeApp(falcon.asgi.App[request.EdgeRequest, response.EdgeResponse]):
    """A Falcon application that asks for a body only if a responder reads it, and drops what is left of it.

    Args:
        limits: the limits on every body.
        error_handler: answers every exception.
        process: starts and stops with the process.
    """

    def __init__(
        self,
        limits: request_body.BodyLimits,
        error_handler: errors.ErrorHandler,
        process: lifespan.Lifespan,
    ) -> None:
        super().__init__(
            request_type=request.EdgeRequest,
            response_type=response.EdgeResponse,
            middleware=process,
            router=routes.EdgeRouter(),
        )
        self.resp_options.default_media_type = None  # type: ignore[assignment] # Falcon then adds no header
        for kind in (refusals.RefusedError, falcon.HTTPError, Exception):
            self.add_error_handler(kind, error_handler.answer)
        self._limits = limits

    async def __call__(  # type: ignore[override] # Falcon's type is that of WSGI
        self,
        scope: dict[str, Any],
        receive: request_body.Receive,
        send: Send,
    ) -> None:
        """Serve one request, or the process's lifespan."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        body = request_body.RequestBody(self._limits, receive)
        await super().__call__(scope, body, send)
        # Falcon has let go of the request by now, and with it of the body that was read.
        if not body.arrived:
            await body.discard(dict(scope["headers"]))
