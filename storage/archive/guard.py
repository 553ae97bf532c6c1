"""The guard of partitions, as a drainer asks it: where Redis lost what it knew, Redis is told first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from storage.archive import books
from storage.projects import partitions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from storage.servers import clickhouse

log = structlog.get_logger(__name__)


class PartitionGuard:
    """Decides for the pairs of a batch.

    Args:
        client: a Redis client without retries.
        server: a ClickHouse connection of this thread.
        budget: the most live partitions of all projects.
    """

    def __init__(self, client: redis.Redis, server: clickhouse.Connection, budget: int) -> None:
        self._client = client
        self._server = server
        self._budget = budget

    def admit(
        self, project_id: int, pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
    ) -> partitions.PairDecisions:
        """Return which pairs are refused, and which were archived, as ``partitions.admit``.

        Raises:
            RecoverableError: Redis is away, or lost what it knew while ClickHouse is away, too.
        """
        try:
            return self._admit(project_id, pairs, most, now_ms)
        except partitions.UnknownError:
            books.restore(self._client, self._server)
            log.info("partitions_restored")
            return self._admit(project_id, pairs, most, now_ms)

    def _admit(
        self, project_id: int, pairs: Sequence[partitions.Pair], most: int, now_ms: int
    ) -> partitions.PairDecisions:
        limits = partitions.PairLimits(most, self._budget)
        return partitions.admit(self._client, project_id, pairs, limits, now_ms=now_ms)
