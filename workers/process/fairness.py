"""Fairness between projects: one whose backlog grows gets lanes of its own, so that nobody waits behind it.

Only a project that keeps others waiting is set aside: alone, it may have everything. The lanes aside are
drained when no other shard is due, in small batches, and take all that is left of the workers' time. So is
what a loud project still has in everybody's lanes, as long as nobody else waits in them.
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

ASIDE_AT: Final = 5_000
"""Payloads of one project that wait in everybody's lanes: less than half a second of a worker's time."""
BACK_AT: Final = 1_000
"""Payloads in all lanes below which a project is not loud any more."""
USUAL_COST_US: Final = 100
"""Of a payload; one that takes a worker ten times as long counts as ten."""
MOST_WEIGHT: Final = 100.0
"""No payload counts for more: a batch may also have waited for ClickHouse."""
REST_S: Final = 10.0
"""How long it must have stayed below before it comes back."""
ACTIVE_S: Final = 60.0
"""A project that sent nothing for this long needs no protection."""
CALM_S: Final = 5.0
"""How often to look who sends while little waits."""
GLANCE_ENTRIES: Final = 50
"""Stream entries below which nobody can be loud enough to look closer."""


class Load(NamedTuple):
    """What one project has in the queue: payloads ever sent, and how many wait, in each kind of lane."""

    sent: int
    waiting: int
    aside: int


class Fairness:
    """Decides, look by look, who is set aside.

    Args:
        clock: seconds, monotonic.

    Attributes:
        patient: the streams where nobody waits but who is set aside, at the last look.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[int, int] = {}
        self._active: dict[int, float] = {}
        self._loud: dict[int, float] = {}
        self._looked = -math.inf
        self.patient: frozenset[int] = frozenset()

    @property
    def due(self) -> bool:
        """Whether to look closer although little waits."""
        return bool(self._loud) or self._clock() - self._looked >= CALM_S

    def decide(
        self, loads: Mapping[int, Load], costs: Mapping[int, int] = MappingProxyType({})
    ) -> frozenset[int]:
        """Return the projects that are to be set aside now.

        Args:
            loads: every project in the queue, by id.
            costs: microseconds that payloads of some projects took lately, each.
        """
        self._looked = now = self._clock()
        self._note_active(loads, now)
        for project, load in loads.items():
            weight = min(MOST_WEIGHT, max(1.0, costs.get(project, 0) / USUAL_COST_US))
            if project in self._loud:
                if (load.waiting + load.aside) * weight >= BACK_AT:
                    self._loud[project] = now
            elif load.waiting * weight >= ASIDE_AT and self._others(project, now):
                log.warning("project_set_aside", project=project, waiting=load.waiting)
                self._loud[project] = now
        for project in self._rested(now):
            log.info("project_back", project=project)
            del self._loud[project]
        return frozenset(self._loud)

    def _note_active(self, loads: Mapping[int, Load], now: float) -> None:
        for project, load in loads.items():
            if load.sent != self._sent.get(project, load.sent):
                self._active[project] = now
            self._sent[project] = load.sent

    def _others(self, loud: int, now: float) -> bool:
        return any(
            project != loud and project not in self._loud and now - seen < ACTIVE_S
            for project, seen in self._active.items()
        )

    def _rested(self, now: float) -> list[int]:
        return [project for project, loud_at in self._loud.items() if now - loud_at >= REST_S]


def step(client: redis.Redis, shards: int, fairness: Fairness) -> None:
    """Look, decide and tell the edges. As long as little waits, a glance is enough.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    if not fairness.due and streams.entries(client, isolation.every(shards)) < GLANCE_ENTRIES:
        return
    waiting = equations.waiting(client, isolation.every(shards))
    found = loads(waiting, shards)
    loud = fairness.decide(found, isolation.costs(client, found))
    fairness.patient = low_priority(waiting, loud)
    isolation.publish(client, loud)


def loads(waiting: _Waiting, shards: int) -> dict[int, Load]:
    """Return what every project has in the queue.

    Args:
        waiting: payloads that were ever sent and that wait, by stream and project.
        shards: number of shards.
    """
    found: dict[int, Load] = {}
    for stream, projects in waiting.items():
        for project, (sent, left) in projects.items():
            known = found.get(project, Load(0, 0, 0))
            ordinary, aside = (0, left) if isolation.is_isolated(stream, shards) else (left, 0)
            found[project] = Load(known.sent + sent, known.waiting + ordinary, known.aside + aside)
    return found


def low_priority(waiting: _Waiting, loud: frozenset[int]) -> frozenset[int]:
    """Return the streams where nobody waits who is not set aside."""
    impatient = {
        stream
        for stream, projects in waiting.items()
        for project, (_, left) in projects.items()
        if left > 0 and project not in loud
    }
    return frozenset(waiting.keys() - impatient) if loud else frozenset()
