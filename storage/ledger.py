"""The ledger: three equations that hold exactly, per project, once the queue is drained.

Whatever was killed on the way:

* payloads acknowledged by the edge = payloads committed by the drainers
* reports found in them = the sum of ``outcomes.quantity``, without what the edge refused
* the sum of ``reports.seen`` = the sum of ``outcomes.quantity`` of accepted reports
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
import redis
import redis.exceptions

from storage import errors, streams

if TYPE_CHECKING:
    from storage import clickhouse

_OUTCOMES = """
SELECT project_id, sum(quantity), sumIf(quantity, outcome = 'accepted')
FROM outcomes WHERE outcome != 'refused' GROUP BY project_id
"""
_SEEN = "SELECT project_id, sum(seen) FROM reports GROUP BY project_id"


class Line(msgspec.Struct, frozen=True):
    """The ledger of one project. All are exact counts."""

    project_id: int
    acknowledged: int
    committed: int
    found: int
    outcomes: int
    accepted: int
    seen: int

    @property
    def backlog(self) -> int:
        """Payloads that wait in Redis, or that a drainer holds and has not committed."""
        return self.acknowledged - self.committed

    @property
    def lost(self) -> int:
        """Reports that are missing in ClickHouse; negative when some are there twice."""
        return self.found - self.outcomes or self.accepted - self.seen

    @property
    def balanced(self) -> bool:
        """Whether all three equations hold."""
        return (
            self.acknowledged == self.committed and self.found == self.outcomes and self.accepted == self.seen
        )


def counters(client: redis.Redis, shards: int) -> dict[str, dict[int, int]]:
    """Return what the queue counted: ``acknowledged``, ``committed`` and ``found``, each by project.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    totals: dict[str, dict[int, int]] = {
        name: defaultdict(int) for name in ("acknowledged", "committed", "found")
    }
    try:
        with client.pipeline(transaction=True) as pipeline:
            for shard in range(shards):
                pipeline.hgetall(streams.keys(shard).ledger)
            answers: list[Any] = pipeline.execute()
    except (redis.exceptions.RedisError, OSError) as error:
        raise errors.RedisUnavailableError(f"Redis did not give the ledger: {error}.") from error
    for answer in answers:
        for field, amount in answer.items():
            name, _, project = field.decode().partition(":")
            totals[name][int(project)] += int(amount)
    return totals


def backlog(client: redis.Redis, shards: int) -> int:
    """Return how many acknowledged payloads are not committed yet."""
    totals = counters(client, shards)
    return sum(totals["acknowledged"].values()) - sum(totals["committed"].values())


def verify(server: clickhouse.Connection, client: redis.Redis, shards: int) -> list[Line]:
    """Return the ledger of every project that ever sent a report, by id.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer.
    """
    totals = counters(client, shards)
    outcomes = {project: (total, accepted) for project, total, accepted in server.execute(_OUTCOMES)}
    seen = dict(server.execute(_SEEN))
    projects = sorted({*totals["acknowledged"], *totals["committed"], *outcomes, *seen})
    return [
        Line(
            project_id=project,
            acknowledged=totals["acknowledged"].get(project, 0),
            committed=totals["committed"].get(project, 0),
            found=totals["found"].get(project, 0),
            outcomes=outcomes.get(project, (0, 0))[0],
            accepted=outcomes.get(project, (0, 0))[1],
            seen=seen.get(project, 0),
        )
        for project in projects
    ]
