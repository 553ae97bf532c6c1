"""Puts an edge process together: ``create_app`` is what a gunicorn worker serves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import falcon
import falcon.asgi

from ingest import cors, refusals
from ingest.api import health, reports
from ingest.backend import clock, connection, intake, redis_poller, refusal_counter, senders
from ingest.body import in_flight, upload
from ingest.checks import addresses, shedding, targets
from storage.projects import edges
from storage.queue import appenders

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    import redis.asyncio

    from ingest import config

_REFUSAL_BY_STATUS: Final = {
    int(refusal.status): refusal for refusal in (refusals.NO_ROUTE, refusals.METHOD, refusals.INTERNAL)
}


_CANCEL_S: Final = 0.1
"""How long a background task may take to notice that it was cancelled, before it is told again."""


class EdgeApp(falcon.asgi.App):  # type: ignore[type-arg]
    """A Falcon application with one short cut: what lies under ``/api/`` goes straight to the endpoint."""

    def __init__(self, reports: reports.Endpoint, lifespan: Lifespan) -> None:
        super().__init__(middleware=[_EveryResponse(), lifespan])
        self.set_error_serializer(_serialize_error)
        self._reports = reports

    def __call__(  # type: ignore[override] # Falcon's types know WSGI here; the awaitable saves a frame
        self, scope: reports.Scope, receive: upload.Receive, send: reports.Send
    ) -> Coroutine[Any, Any, None]:
        """Serve one request, or the process's lifespan."""
        if scope["type"] == "http" and scope["path"].startswith(reports.PREFIX):
            return self._reports(scope, receive, send)
        if scope["type"] == "http":
            return self._route(scope, receive, send)
        return super().__call__(scope, receive, send)

    async def _route(self, scope: reports.Scope, receive: upload.Receive, send: reports.Send) -> None:
        """Let Falcon answer, which reads no more of a body than its first piece, and drop the rest."""
        upload = self._reports.upload(receive)
        await super().__call__(scope, upload.receive, send)
        await upload.discard(expects_continue=False)


class Lifespan:
    """Starts and stops what runs beside the requests, in each gunicorn worker.

    Args:
        clients: of Redis, closed at the end.
        redis_watch: looks once before the first request, then runs.
        refused: runs; its last counts are flushed at the end.
        known_senders: takes its secret before the first request, then runs.
        store: emptied at the end: whoever waits gets a true answer.
    """

    def __init__(
        self,
        clients: Iterable[redis.asyncio.Redis],
        redis_watch: redis_poller.Watch,
        refused: refusal_counter.Tally,
        known_senders: senders.Senders,
        store: intake.Intake,
    ) -> None:
        self._clients = clients
        self._watch = redis_watch
        self._refused = refused
        self._senders = known_senders
        self._store = store
        self._tasks: list[asyncio.Task[None]] = []

    async def process_startup(self, *_: object) -> None:
        """Start, with or without Redis: an edge without one says 503 until it is there."""
        await self._watch.look()
        await self._senders.refresh()
        chores = (self._watch.run(), self._refused.run(), self._senders.run())
        self._tasks = [asyncio.create_task(chore) for chore in chores]

    async def process_shutdown(self, *_: object) -> None:
        """Stop, after the last request was answered."""
        for task in self._tasks:
            while not task.done():  # a cancellation that meets a time-out may be swallowed: say it again
                task.cancel()
                await asyncio.wait({task}, timeout=_CANCEL_S)
        await self._store.drain()
        await self._refused.flush()
        for client in self._clients:
            await client.aclose()


class _EveryResponse:
    """Puts the CORS headers on what Falcon answers, errors included."""

    async def process_response(
        self,
        _request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        _resource: object,
        _succeeded: bool,  # noqa: FBT001 - Falcon passes it by position
    ) -> None:
        """Add the headers."""
        response.set_headers([(name.decode(), value.decode()) for name, value in cors.EVERY_RESPONSE])


def _serialize_error(
    _request: falcon.asgi.Request, response: falcon.asgi.Response, error: falcon.HTTPError
) -> None:
    """Answer Falcon's errors in the words of the catalogue, so that both lanes sound alike."""
    response.content_type = falcon.MEDIA_JSON
    response.data = _REFUSAL_BY_STATUS.get(error.status_code, refusals.MALFORMED).content


def create_app(settings: config.EdgeConfig) -> EdgeApp:
    """Return the ASGI application of one edge process."""
    client = connection.connect(settings.redis_url, settings.redis_timeout)
    watching = connection.connect_once(settings.redis_url, settings.redis_timeout, edges.name(None))
    believed = clock.Clock()
    table = targets.TargetTable(settings.shards, believed)
    held = in_flight.HeldBytes(settings.max_held_bytes)
    shedder = shedding.Shedder()
    redis_watch = redis_poller.Watch(watching, table, shedder, settings, believed)
    refused = refusal_counter.Tally(client, settings.redis_timeout, believed)
    known_senders = senders.Senders(client, settings.redis_timeout, believed)
    store = intake.Intake(appenders.AsyncAppender(client, believed).append, held, settings.redis_timeout)
    endpoint = reports.Endpoint(
        table=table,
        store=store,
        held=held,
        redis_watch=redis_watch,
        shedder=shedder,
        refused=refused,
        known_senders=known_senders,
        where=addresses.Addresses(settings.trusted_proxies),
        rates=addresses.Rates(settings.address_rate),
        settings=settings,
    )
    app = EdgeApp(endpoint, Lifespan((client, watching), redis_watch, refused, known_senders, store))
    app.add_route("/healthz", health.Healthz())
    app.add_route("/readyz", health.Readyz(table, redis_watch))
    return app
