"""The edge's own Redis clients."""

from __future__ import annotations

import contextlib
from typing import Any

import redis.asyncio
import redis.exceptions
from redis.asyncio import retry
from redis.backoff import NoBackoff


def connect(url: str, timeout: float) -> redis.asyncio.Redis:
    """Return a client that never repeats a command: a repeated append would store a report twice.

    Args:
        url: ``redis://`` or ``rediss://``.
        timeout: seconds for connecting, and for each answer.
    """
    return redis.asyncio.Redis.from_url(url, **_options(timeout))


def connect_once(url: str, timeout: float, name: str) -> redis.asyncio.Redis:
    """Return such a client with one connection at a time, also for pipelines, that has this name in Redis.

    Where the Redis user may not name connections, it has no name.
    """

    async def begin(connection: Any) -> None:  # noqa: ANN401 - any class of connection
        await connection.on_connect()
        with contextlib.suppress(redis.exceptions.ResponseError):
            await connection.send_command("CLIENT", "SETNAME", name)
            await connection.read_response()

    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url, max_connections=1, timeout=timeout, redis_connect_func=begin, **_options(timeout)
    )
    return redis.asyncio.Redis.from_pool(pool)


def _options(timeout: float) -> dict[str, Any]:
    return {
        "protocol": 2,
        "retry": retry.Retry(NoBackoff(), 0),
        "socket_connect_timeout": timeout,
        "socket_timeout": timeout,
    }
