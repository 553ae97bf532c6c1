"""What a worker or maintenance process needs of the outside; the composition root hands it in."""

from __future__ import annotations

from typing import Final

import msgspec
import redis
import redis.backoff
import redis.retry

from storage.queue import streams
from storage.servers import clickhouse

QUEUE_TIMEOUT_S: Final = 10.0
"""A queue command that takes longer counts as failed; the batch is repeated."""
RQ_RETRIES: Final = 3


class Connections(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of the parts that outlive a process.

    Attributes:
        redis_url: the Redis that holds the queue, the registry and RQ's jobs.
        clickhouse: the database, as a user who may insert.
        shards: number of shards; the same for the edge.
        failpoints: where a test makes work fail, see ``workers.failures.failpoints``.
    """

    redis_url: str
    clickhouse: clickhouse.Address
    shards: int = streams.DEFAULT_SHARDS
    failpoints: str = ""

    def queue_client(self) -> redis.Redis:
        """Return a client for the queue protocol: no hidden retries, because a step may not run twice."""
        return redis.Redis.from_url(
            self.redis_url,
            socket_timeout=QUEUE_TIMEOUT_S,
            socket_connect_timeout=QUEUE_TIMEOUT_S,
            retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
        )

    def rq_client(self) -> redis.Redis:
        """Return a client for RQ alone: RQ rewrites its timeouts, and repeating its commands is harmless."""
        backoff = redis.backoff.ExponentialBackoff(cap=1.0, base=0.1)
        return redis.Redis.from_url(self.redis_url, retry=redis.retry.Retry(backoff, RQ_RETRIES))
