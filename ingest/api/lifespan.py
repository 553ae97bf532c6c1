"""Starts and stops the background tasks of an edge process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis.asyncio

    from ingest.backend import intake, redis_poller, refusal_counter, senders

_CANCEL_S: Final = 0.1
"""How long a background task may take to notice that it was cancelled, before it is told again."""


class Lifespan:
    """A Falcon middleware for the events of the process alone; no request passes through it.

    Args:
        clients: the clients of Redis, closed at the end.
        poller: polls once before the first request, then runs.
        counter: runs; its last counts are flushed at the end.
        known_senders: takes its secret before the first request, then runs.
        store: emptied at the end: each request that waits gets a true answer.
    """

    def __init__(
        self,
        clients: Iterable[redis.asyncio.Redis],
        poller: redis_poller.RedisPoller,
        counter: refusal_counter.RefusalCounter,
        known_senders: senders.Senders,
        store: intake.Intake,
    ) -> None:
        self._clients = clients
        self._poller = poller
        self._counter = counter
        self._senders = known_senders
        self._store = store
        self._tasks: list[asyncio.Task[None]] = []

    async def process_startup(self, *_: object) -> None:
        """Start the background tasks, with or without Redis: an edge without Redis answers 503."""
        await self._poller.poll()
        await self._senders.refresh()
        chores = (self._poller.run(), self._counter.run(), self._senders.run())
        self._tasks = [asyncio.create_task(chore) for chore in chores]

    async def process_shutdown(self, *_: object) -> None:
        """Stop the background tasks, after the last request was answered."""
        for task in self._tasks:
            while not task.done():  # a cancellation that meets a time-out may be swallowed: say it again
                task.cancel()
                await asyncio.wait({task}, timeout=_CANCEL_S)
        await self._store.drain()
        await self._counter.flush()
        for client in self._clients:
            await client.aclose()
