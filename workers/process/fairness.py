"""Fairness between projects: a noisy project gets isolated streams, so that no other waits for its backlog.

A project is noisy only while it keeps another project waiting: alone, it may use all workers. Isolated
streams have low priority: they are drained when no other stream is due, in small batches, and take all that
is left of the workers' time. A shared stream has low priority too while only payloads of noisy projects wait
in it.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from storage.ledger import equations
from storage.queue import isolation, streams

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import redis

    _Waiting = Mapping[int, Mapping[int, tuple[int, int]]]

log = structlog.get_logger(__name__)

ISOLATE_AT: Final = 5_000
"""Payloads of one project that wait in shared streams: less than half a second of a worker's time."""
REJOIN_BELOW: Final = 1_000
"""Payloads of one project that wait in all streams; a project with fewer is no longer noisy."""
USUAL_COST_US: Final = 100
"""Usual cost of a payload; a payload that takes a worker ten times as long counts as ten."""
MOST_WEIGHT: Final = 100.0
"""The most for which one payload counts: its batch may also have waited for ClickHouse."""
REJOIN_AFTER_S: Final = 10.0
"""A noisy project rejoins the others when its backlog has been below ``REJOIN_BELOW`` for this long."""
ACTIVE_S: Final = 60.0
"""A project that sent nothing for this long needs no protection."""
IDLE_COUNT_S: Final = 5.0
"""The backlogs are counted this often while few payloads wait: the counts show which projects send at all."""
FEW_ENTRIES: Final = 50
"""While fewer stream entries wait, no project can be noisy, and the backlogs need not be counted."""


class ProjectLoad(NamedTuple):
    """The payloads of one project in the queue.

    Attributes:
        sent: payloads that were ever appended.
        shared: payloads that wait in shared streams.
        isolated: payloads that wait in isolated streams.
    """

    sent: int
    shared: int
    isolated: int


class Fairness:
    """Decides, count by count, which projects are noisy.

    Args:
        clock: seconds, monotonic.

    Attributes:
        low_priority: the streams in which, by the last count, only payloads of noisy projects wait.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[int, int] = {}
        self._active_at: dict[int, float] = {}
        self._noisy_at: dict[int, float] = {}
        self._counted_at = -math.inf
        self.low_priority: frozenset[int] = frozenset()

    @property
    def must_count(self) -> bool:
        """Whether the backlogs are to be counted although few payloads wait."""
        return bool(self._noisy_at) or self._clock() - self._counted_at >= IDLE_COUNT_S

    def decide(
        self, loads: Mapping[int, ProjectLoad], costs: Mapping[int, int] = MappingProxyType({})
    ) -> frozenset[int]:
        """Return the ids of the projects that are noisy now.

        Args:
            loads: every project in the queue, by id.
            costs: microseconds that a payload of some projects took lately.
        """
        self._counted_at = now = self._clock()
        self._note_active(loads, now)
        for project, load in loads.items():
            weight = min(MOST_WEIGHT, max(1.0, costs.get(project, 0) / USUAL_COST_US))
            if project in self._noisy_at:
                if (load.shared + load.isolated) * weight >= REJOIN_BELOW:
                    self._noisy_at[project] = now
            elif load.shared * weight >= ISOLATE_AT and self._others_are_active(project, now):
                log.warning("project_isolated", project=project, waiting=load.shared)
                self._noisy_at[project] = now
        for project in self._no_longer_noisy(now):
            log.info("project_rejoined", project=project)
            del self._noisy_at[project]
        return frozenset(self._noisy_at)

    def _note_active(self, loads: Mapping[int, ProjectLoad], now: float) -> None:
        for project, load in loads.items():
            if load.sent != self._sent.get(project, load.sent):
                self._active_at[project] = now
            self._sent[project] = load.sent

    def _others_are_active(self, project: int, now: float) -> bool:
        """Say whether another project that is not noisy sent payloads lately."""
        return any(
            other != project and other not in self._noisy_at and now - active_at < ACTIVE_S
            for other, active_at in self._active_at.items()
        )

    def _no_longer_noisy(self, now: float) -> list[int]:
        return [project for project, at in self._noisy_at.items() if now - at >= REJOIN_AFTER_S]


def update_isolation(client: redis.Redis, shards: int, fairness: Fairness) -> None:
    """Count the backlogs, decide which projects are noisy, and tell the edges.

    While few entries wait this returns after one look at the length of the streams.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    if not fairness.must_count and streams.entries(client, isolation.every(shards)) < FEW_ENTRIES:
        return
    waiting = equations.waiting(client, isolation.every(shards))
    loads = project_loads(waiting, shards)
    noisy = fairness.decide(loads, isolation.costs(client, loads))
    fairness.low_priority = low_priority_streams(waiting, noisy)
    isolation.publish(client, noisy)


def project_loads(waiting: _Waiting, shards: int) -> dict[int, ProjectLoad]:
    """Return what every project has in the queue.

    Args:
        waiting: payloads that were ever appended and that wait, by stream and project.
        shards: number of shards.
    """
    loads: dict[int, ProjectLoad] = {}
    for stream, projects in waiting.items():
        for project, (sent, left) in projects.items():
            load = loads.get(project, ProjectLoad(0, 0, 0))
            shared, isolated = (0, left) if isolation.is_isolated(stream, shards) else (left, 0)
            loads[project] = ProjectLoad(load.sent + sent, load.shared + shared, load.isolated + isolated)
    return loads


def low_priority_streams(waiting: _Waiting, noisy: frozenset[int]) -> frozenset[int]:
    """Return the streams in which no payload of another than a noisy project waits.

    Args:
        waiting: payloads that were ever appended and that wait, by stream and project.
        noisy: ids of the noisy projects; without any, no stream has low priority.
    """
    others_wait = {
        stream
        for stream, projects in waiting.items()
        for project, (_, left) in projects.items()
        if left > 0 and project not in noisy
    }
    return frozenset(waiting.keys() - others_wait) if noisy else frozenset()
