"""Appenders: the edge and the command line append payloads to the streams with one of these."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import redis.asyncio
import redis.exceptions
import structlog

from storage.queue import appends
from storage.servers import redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from storage.queue import envelope

log = structlog.get_logger(__name__)

ATTEMPTS: Final = 3
"""How often the command line sends an append in all, while connections end or answers do not come."""


class AsyncAppender:
    """Appends for the edge: to all streams in one round trip.

    A connection that ends is replaced, and the same append sent once more: Redis tells whether it had it.

    Args:
        client: a client of its own, without retries and with short timeouts.
        clock: seconds since the epoch; one of the clocks by which the time of receipt is told.
    """

    def __init__(self, client: redis.asyncio.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._producer = appends.Producer(whole=False)
        self._turn = asyncio.Lock()  # appends reach Redis in the order of their numbers

    async def append(self, groups: Mapping[int, list[envelope.Payload]]) -> dict[int, str]:
        """Append one entry to each stream, and return by stream the ids of those that Redis confirmed.

        A stream to which Redis cannot append is missing in the answer, and nothing is appended to it.

        Raises:
            RedisUnavailableError: Redis did not answer, or stored nothing; after a time-out it may have.
        """
        with redis_errors.translated("did not take the reports"):
            async with self._turn:
                call = self._producer.next_call(appends.grouped(groups), self._clock())
                answers: list[bytes] = await self._send(call)
        stored, refused = appends.parted(groups, answers)
        for stream, problem in refused.items():
            log.error("append_refused", stream=stream, error=problem)
        return stored

    async def _send(self, call: appends.Call) -> Any:  # noqa: ANN401 - a Lua answer
        try:
            return await scripts.APPEND_ENTRIES.run_async(self._client, call.keys, *call.arguments)
        except redis.exceptions.ConnectionError:
            return await scripts.APPEND_ENTRIES.run_async(self._client, call.keys, *call.arguments)


class Appender:
    """Appends for the command line.

    A connection that ends, or an answer that does not come, is met by sending the same append again, up to
    ``ATTEMPTS`` times in all: Redis tells whether it had it.

    Args:
        client: a synchronous client without retries of its own.
        clock: seconds since the epoch.
    """

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._producer = appends.Producer(whole=True)

    def append(self, groups: Mapping[int, list[envelope.Payload]]) -> dict[int, str]:
        """Append one entry to each stream, to all of them or to none, and return their ids by stream.

        Raises:
            RedisUnavailableError: Redis did not confirm it; after a time-out it may be stored all the same.
        """
        call = self._producer.next_call(appends.grouped(groups), self._clock())
        with redis_errors.translated("did not take the payloads"):
            answers = self._send(call)
        return appends.parted(groups, answers)[0]

    def _send(self, call: appends.Call) -> Any:  # noqa: ANN401 - a Lua answer
        for _ in range(1, ATTEMPTS):
            with contextlib.suppress(redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                return scripts.APPEND_ENTRIES.run(self._client, call.keys, *call.arguments)
        return scripts.APPEND_ENTRIES.run(self._client, call.keys, *call.arguments)
