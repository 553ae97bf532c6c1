"""Group commit: all requests that wait in this process share one round trip to Redis.

While one append is under way, the payloads of further requests gather for the next one. So each append is
shared by more requests the more there are. A busy edge also waits some milliseconds for as many requests as
shared the last append; a lone request does not wait.

Guarantee: a receipt is given only for a payload that Redis confirmed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from ingest import refusals
from storage import errors
from storage.queue import envelope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ingest.body import in_flight

    Append = Callable[[Mapping[int, list[envelope.Payload]]], Awaitable[dict[int, str]]]

_log = structlog.get_logger(__name__)

MAX_APPEND_BYTES: Final = 4 << 20
"""Body bytes of one append, and so of one stream entry: Redis takes that many in a few milliseconds."""

GATHER_S: Final = 0.005
"""The longest time for which a busy edge gathers requests before the next append. No sender notices it, and
an append, with its fsync, carries dozens of payloads instead of a few."""


class _Waiter(NamedTuple):
    stream: int
    payload: envelope.Payload
    receipt: asyncio.Future[str]


class Intake:
    """Stores payloads and gives receipts for them.

    Args:
        append: ``AsyncAppender.append``.
        in_flight: counts the bytes that wait.
        timeout: seconds that one append may take.
    """

    def __init__(self, append: Append, in_flight: in_flight.InFlightBytes, timeout: float) -> None:
        self._append = append
        self._in_flight = in_flight
        self._timeout = timeout
        self._waiting: deque[_Waiter] = deque()
        self._committer: asyncio.Task[None] | None = None
        self._wanted = 0
        self._gathered: asyncio.Future[None] | None = None

    def store(self, stream: int, payload: envelope.Payload) -> asyncio.Future[str]:
        """Return a future of the payload's receipt; it fails with ``RefusedError`` (503) if not stored.

        Raises:
            RefusedError: 503, this process has all in flight that it may.
        """
        self._in_flight.add(len(payload.body))
        loop = asyncio.get_running_loop()
        receipt: asyncio.Future[str] = loop.create_future()
        self._waiting.append(_Waiter(stream, payload, receipt))
        if self._gathered is not None and len(self._waiting) >= self._wanted:
            _end(self._gathered)
        if self._committer is None:
            self._committer = loop.create_task(self._commit_waiting())
        return receipt

    async def drain(self) -> None:
        """Wait until no request waits any more."""
        while self._committer is not None:
            await asyncio.wait({self._committer})

    async def _commit_waiting(self) -> None:
        try:
            while self._waiting:
                batch = self._next_batch()
                await self._commit(batch)
                if self._waiting:  # a busy edge: more requests are to share the next round trip
                    await self._gather(len(batch))
        finally:
            self._committer = None

    async def _gather(self, wanted: int) -> None:
        """Wait until ``wanted`` requests wait, but no longer than ``GATHER_S``.

        ``wanted`` is the number that shared the last append: senders that wait for their answers before they
        send again have all sent by then.
        """
        if len(self._waiting) >= wanted:
            return
        loop = asyncio.get_running_loop()
        self._wanted, self._gathered = wanted, loop.create_future()
        timer = loop.call_later(GATHER_S, _end, self._gathered)
        try:
            await self._gathered
        finally:
            timer.cancel()
            self._gathered = None

    def _next_batch(self) -> list[_Waiter]:
        """Take the payloads that have waited longest, up to ``MAX_APPEND_BYTES`` and at least one."""
        batch = [self._waiting.popleft()]
        size = len(batch[0].payload.body)
        while self._waiting:
            size += len(self._waiting[0].payload.body)
            if size > MAX_APPEND_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _commit(self, batch: list[_Waiter]) -> None:
        groups: dict[int, list[envelope.Payload]] = {}
        for waiter in batch:
            groups.setdefault(waiter.stream, []).append(waiter.payload)
        try:
            async with asyncio.timeout(self._timeout):
                entry_ids = await self._append(groups)
        except (errors.RedisUnavailableError, TimeoutError):
            self._refuse_all(batch)
        except Exception:  # noqa: BLE001 - no request may be left waiting
            _log.exception("append_failed")
            self._refuse_all(batch)
        else:
            self._answer(batch, entry_ids)

    def _answer(self, batch: list[_Waiter], entry_ids: dict[int, str]) -> None:
        """Give the receipts; refuse only the payloads whose stream Redis could not store."""
        indexes = dict.fromkeys(entry_ids, 0)
        for waiter in batch:
            stream, payload, receipt = waiter
            if stream not in indexes:
                self._refuse(waiter)
                continue
            index = indexes[stream]
            indexes[stream] = index + 1
            self._in_flight.remove(len(payload.body))
            if not receipt.done():
                receipt.set_result(envelope.receipt(stream, entry_ids[stream], index))

    def _refuse_all(self, batch: list[_Waiter]) -> None:
        """Refuse the batch and what came meanwhile: a second append would fail like this one."""
        refused = [*batch, *self._waiting]
        self._waiting.clear()
        for waiter in refused:
            self._refuse(waiter)

    def _refuse(self, waiter: _Waiter) -> None:
        self._in_flight.remove(len(waiter.payload.body))
        if not waiter.receipt.done():
            waiter.receipt.set_exception(refusals.RefusedError(refusals.UNAVAILABLE))


def _end(gathered: asyncio.Future[None]) -> None:
    if not gathered.done():
        gathered.set_result(None)
