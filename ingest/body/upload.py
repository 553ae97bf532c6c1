"""Reading a request body: counted while it streams, bounded in bytes and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from ingest import refusals

if TYPE_CHECKING:
    from ingest.body import in_flight

Receive = Callable[[], Awaitable[dict[str, Any]]]

_DISCARDED_BYTES: Final = 64 << 20
_DISCARD_SECONDS: Final = 5.0


class Upload:
    """One request body on its way in.

    Args:
        receive: the ASGI callable that delivers it.
        held: where bytes of a body that comes in pieces are counted.
        limit: longest body, in bytes.
        timeout: seconds from the first piece to the last.
    """

    __slots__ = ("_arrived", "_held", "_limit", "_receive", "_started", "_timeout")

    def __init__(self, receive: Receive, held: in_flight.HeldBytes, limit: int, timeout: float) -> None:
        self._receive = receive
        self._held = held
        self._limit = limit
        self._timeout = timeout
        self._started = False
        self._arrived = False

    async def read(self, declared: bytes) -> bytes:
        """Return the body.

        Args:
            declared: the value of ``Content-Length``, empty when absent; the server checked it.

        Raises:
            RefusedError: 413, 400 for an empty body, 408 for one that does not arrive, 503 when this process
                holds too many.
        """
        if declared and int(declared) > self._limit:
            raise refusals.RefusedError(refusals.TOO_LARGE)
        piece = await self._next()
        body = piece if self._arrived else await self._rest(piece)
        if not body:
            raise refusals.RefusedError(refusals.EMPTY)
        if len(body) > self._limit:
            raise refusals.RefusedError(refusals.TOO_LARGE)
        return body

    async def discard(self, *, expects_continue: bool) -> None:
        """Read what is still to come after a refusal, and drop it.

        A connection that is closed while its sender is writing is reset, and the sender may never see the
        answer. One that waits for ``100 Continue`` is not writing.
        """
        if expects_continue and not self._started:
            return
        left = _DISCARDED_BYTES
        try:
            async with asyncio.timeout(_DISCARD_SECONDS):
                while not self._arrived and left > 0:
                    left -= len(await self._next())
        except (TimeoutError, refusals.RefusedError):
            return

    async def receive(self) -> dict[str, Any]:
        """Take the next event, as an application does that reads for itself."""
        self._started = True
        message = await self._receive()
        self._arrived = not message.get("more_body")
        return message

    async def _next(self) -> bytes:
        """Return the next piece; the server tells of a lost connection and of its own time-out alike."""
        message = await self.receive()
        if message["type"] != "http.request":
            raise refusals.RefusedError(refusals.INCOMPLETE)
        body: bytes = message["body"]
        return body

    async def _rest(self, first: bytes) -> bytes:
        """Return a body that comes in several pieces."""
        gathered = bytearray()
        try:
            async with asyncio.timeout(self._timeout):
                self._gather(gathered, first)
                while not self._arrived:
                    self._gather(gathered, await self._next())
            return bytes(gathered)
        except TimeoutError as error:
            raise refusals.RefusedError(refusals.INCOMPLETE) from error
        finally:
            self._held.give(len(gathered))

    def _gather(self, gathered: bytearray, piece: bytes) -> None:
        if len(gathered) + len(piece) > self._limit:
            raise refusals.RefusedError(refusals.TOO_LARGE)
        self._held.take(len(piece), len(gathered))
        gathered += piece
