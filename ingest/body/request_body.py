"""Reads a request body: counted while it streams, bounded in bytes and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingest import refusals

if TYPE_CHECKING:
    from collections.abc import Container

    from ingest.body import in_flight

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]

_DISCARDED_BYTES: Final = 64 << 20
_DISCARD_SECONDS: Final = 5.0
_LENGTHS: Final = frozenset((b"content-length", b"transfer-encoding"))
_NOTHING_YET: Final = {"type": "http.request", "body": b"", "more_body": True}


class BodyLimits(NamedTuple):
    """The limits on every body.

    Attributes:
        in_flight: counts the bytes of bodies that come in pieces.
        size: the most bytes of a body.
        seconds: the most time from the first piece of a body to its last.
    """

    in_flight: in_flight.InFlightBytes
    size: int
    seconds: float


class RequestBody:
    """One request body on its way in; called, it is the ASGI ``receive`` of its request.

    Falcon takes the first event of each request before it routes the request. The object makes up an event
    without content, so that no sender is told to send (``100 Continue``) a body that its head gets refused.

    Args:
        limits: the limits on every body.
        receive: the ASGI callable that delivers the body.

    Attributes:
        arrived: whether all of the body was taken.
    """

    __slots__ = ("_asked", "_limits", "_receive", "_started", "arrived")

    def __init__(self, limits: BodyLimits, receive: Receive) -> None:
        self._limits = limits
        self._receive = receive
        self._asked = False
        self._started = False
        self.arrived = False

    async def __call__(self) -> Event:
        """Return the next event; the first one is made up here."""
        if not self._asked:
            self._asked = True
            return _NOTHING_YET
        self._started = True
        event = await self._receive()
        self.arrived = not event.get("more_body")
        return event

    async def read(self, declared: bytes) -> bytes:
        """Return the body.

        Args:
            declared: the value of ``Content-Length``, empty when absent; the server checked it.

        Raises:
            RefusedError: 413, 400 for an empty body, 408 for one that does not arrive, 503 when this process
                has too many in flight.
        """
        limit = self._limits.size
        if declared and int(declared) > limit:
            raise refusals.RefusedError(refusals.TOO_LARGE)
        piece = await self._next()
        body = piece if self.arrived else await self._rest(piece)
        if not body:
            raise refusals.RefusedError(refusals.EMPTY)
        if len(body) > limit:
            raise refusals.RefusedError(refusals.TOO_LARGE)
        return body

    async def discard(self, fields: Container[bytes]) -> None:
        """Read the rest of the body after an answer, and drop it.

        A connection that is closed while its sender is writing is reset, and the sender may never see the
        answer. A sender that waits for ``100 Continue`` is not writing.

        Args:
            fields: names of the request's headers, in lower case.
        """
        if not any(name in fields for name in _LENGTHS) or (b"expect" in fields and not self._started):
            return
        left = _DISCARDED_BYTES
        try:
            async with asyncio.timeout(_DISCARD_SECONDS):
                while not self.arrived and left > 0:
                    left -= len(await self._next())
        except (TimeoutError, refusals.RefusedError):
            return

    async def _next(self) -> bytes:
        """Return the next piece; the server tells of a lost connection and of its own time-out alike."""
        self._started = True
        event = await self._receive()
        self.arrived = not event.get("more_body")
        if event["type"] != "http.request":
            raise refusals.RefusedError(refusals.INCOMPLETE)
        body: bytes = event["body"]
        return body

    async def _rest(self, first: bytes) -> bytes:
        """Return a body that comes in several pieces."""
        gathered = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds):
                self._gather(gathered, first)
                while not self.arrived:
                    self._gather(gathered, await self._next())
            return bytes(gathered)
        except TimeoutError as error:
            raise refusals.RefusedError(refusals.INCOMPLETE) from error
        finally:
            self._limits.in_flight.remove(len(gathered))

    def _gather(self, gathered: bytearray, piece: bytes) -> None:
        if len(gathered) + len(piece) > self._limits.size:
            raise refusals.RefusedError(refusals.TOO_LARGE)
        self._limits.in_flight.add(len(piece), len(gathered))
        gathered += piece
