"""The addresses of Redis and ClickHouse for a worker or maintenance process, which ``deploy`` hands in."""

from __future__ import annotations

from typing import Final

import msgspec
import redis
import redis.backoff
import redis.retry

from storage.projects import partitions
from storage.queue import streams
from storage.servers import clickhouse

QUEUE_TIMEOUT_S: Final = 10.0
"""A queue command that takes longer has failed; its batch is repeated."""
RQ_RETRIES: Final = 3


class Connections(msgspec.Struct, frozen=True, kw_only=True):
    """Where a process finds the stores, and how many shards there are.

    Attributes:
        redis_url: the Redis that holds the queue, the registry and RQ's jobs.
        clickhouse: the database, with a user that may insert.
        shards: number of shards; the same for the edge.
        max_partitions: the most live partitions of all projects.
        archive_after: days without a report after which a release is archived.
        failpoints: where a test makes work fail, see ``workers.failures.failpoints``.
    """

    redis_url: str
    clickhouse: clickhouse.Address
    shards: int = streams.DEFAULT_SHARDS
    max_partitions: int = partitions.BUDGET
    archive_after: float = partitions.QUIET_DAYS
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
