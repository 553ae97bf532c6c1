"""The edge's own Redis client."""

from __future__ import annotations

import redis.asyncio
from redis.asyncio import retry
from redis.backoff import NoBackoff


def connect(url: str, timeout: float) -> redis.asyncio.Redis:
    """Return a client that never repeats a command: a repeated append would store a report twice.

    Args:
        url: ``redis://`` or ``rediss://``.
        timeout: seconds for connecting, and for each answer.
    """
    return redis.asyncio.Redis.from_url(
        url,
        protocol=2,
        retry=retry.Retry(NoBackoff(), 0),
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
    )
