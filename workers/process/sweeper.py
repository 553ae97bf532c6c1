"""The sweeper: sees which shards have work and keeps exactly one drain job for each of them.

RQ's own recovery of a dead worker's job takes minutes. This does not wait for it: a job that exists while
nobody holds its shard's lease, and that is not waiting in the queue, is an orphan and is replaced. Should
the orphan still be alive, the lease keeps the two apart.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import rq
import rq.exceptions
import rq.job
import rq.serializers
import structlog

from storage.queue import drift, isolation, streams
from storage.servers import clocks, scripts
from workers import jobs
from workers.draining import batch_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

log = structlog.get_logger(__name__)

INTERVAL_S: Final = 1.0
"""A trickling shard is drained at most this often: fewer, larger inserts, rows visible within two seconds."""
BUSY_INTERVAL_S: Final = 1.5
"""The same for a shard with at least ``BUSY_ENTRIES`` entries, where larger batches save the most work."""
BUSY_ENTRIES: Final = 50
FIND_S: Final = 10.0
"""How often streams are looked for that are left from when there were more shards, or ahead of the clock."""
ORPHAN_S: Final = 3.0
"""A job that nobody works on for this long is replaced. Between pop and lease lie milliseconds."""
LEASE_MS: Final = batch_limits.BatchLimits().lease_ms
"""A lease that seems to last longer is nobody's: Redis' clock was set back, and no holder renewed it."""
FAILURE_TTL_S: Final = 3600


class _StreamState(NamedTuple):
    """What one look at Redis says about a shard."""

    entries: int
    leased: bool
    has_job: bool


class Sweeper:
    """Call ``tick`` several times a second, from one or more processes.

    Args:
        client: a Redis client of its own.
        shards: number of shards.
        clock: seconds, monotonic.
        patient: asked for the streams that take what time is left, beside the lanes aside.
        wall: seconds since the epoch; told to all who compare clocks.
    """

    def __init__(
        self,
        client: redis.Redis,
        shards: int,
        clock: Callable[[], float],
        patient: Callable[[], frozenset[int]] = frozenset,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._queue = rq.Queue(jobs.QUEUE, connection=client, serializer=rq.serializers.JSONSerializer)
        self._shards = shards
        self._clock = clock
        self._patient = patient
        self._wall = wall
        self._ahead: frozenset[int] = frozenset()
        self._numbers: Sequence[int] = ()
        self._find_at = -math.inf
        self._last: dict[int, float] = {}
        self._idle_since: dict[int, float] = {}

    def tick(self) -> int:
        """Create the drain jobs that are due and return how many.

        Raises:
            RedisError: Redis is away.
            RedisUnavailableError: likewise.
        """
        now = self._clock()
        if now >= self._find_at:
            self._numbers, self._find_at = isolation.present(self._client, self._shards), now + FIND_S
            self._mend(self._numbers)
        # Whoever waited longest comes first: streams that take what time is left have room for one at a time.
        numbers = sorted(self._numbers, key=lambda number: self._last.get(number, -math.inf))
        states = dict(zip(numbers, self._look(numbers), strict=True))
        if ahead := [n for n, state in states.items() if n in self._ahead and not state.entries]:
            self._mend(ahead)
        return sum(self._visit(shard, state, now) for shard, state in states.items())

    def _look(self, numbers: Sequence[int]) -> list[_StreamState]:
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.eval(scripts.TELL.text, 1, clocks.KEY, int(self._wall() * 1000))
            for shard in numbers:
                names = streams.keys(shard)
                pipeline.xlen(names.stream)
                pipeline.pttl(names.lease)
                pipeline.exists(rq.job.Job.key_for(jobs.job_id(shard)))
            _, *answers = pipeline.execute()
        return [
            _StreamState(answers[i], 0 <= answers[i + 1] <= LEASE_MS, bool(answers[i + 2]))
            for i in range(0, len(answers), 3)
        ]

    def _mend(self, numbers: Sequence[int]) -> None:
        """Bring streams that are ahead of the clock back to it, once they are empty."""
        found = drift.find(self._client, numbers, mend=True, clock=self._wall)
        for shard, (ahead_ms, mended) in found.items():
            if mended:
                log.warning("stream_mended", shard=shard, was_ahead_s=ahead_ms / 1000)
            elif shard not in self._ahead:
                log.warning("stream_ahead", shard=shard, ahead_s=ahead_ms / 1000)
        self._ahead = self._ahead.difference(numbers) | {
            shard for shard, one in found.items() if not one.mended
        }

    def _visit(self, shard: int, state: _StreamState, now: float) -> bool:
        if not state.has_job:
            self._idle_since.pop(shard, None)
            return state.entries > 0 and self._due(shard, state.entries, now) and self._enqueue(shard, now)
        if state.leased or self._is_waiting(shard):
            self._idle_since.pop(shard, None)
            if not state.leased and self._has_time(shard) and self._queue.count > 1:
                self._give_way(shard)
            return False
        since = self._idle_since.setdefault(shard, now)
        if now - since < ORPHAN_S:
            return False
        self._remove_orphan(shard)
        return state.entries > 0 and self._enqueue(shard, now)

    def _due(self, shard: int, entries: int, now: float) -> bool:
        if self._has_time(shard) and (entries >= BUSY_ENTRIES or self._queue.count):
            return not self._queue.count
        interval = BUSY_INTERVAL_S if entries >= BUSY_ENTRIES else INTERVAL_S
        return now - self._last.get(shard, -interval) >= interval

    def _has_time(self, shard: int) -> bool:
        """Say whether this stream takes what time is left, one of its kind at a time."""
        return isolation.is_isolated(shard, self._shards) or shard in self._patient()

    def _give_way(self, shard: int) -> None:
        """Take back a job that still waits, unless a worker takes it at this moment."""
        if self._client.lrem(self._queue.key, 1, jobs.job_id(shard)):
            self._delete_job(jobs.job_id(shard))

    def _is_waiting(self, shard: int) -> bool:
        return self._client.lpos(self._queue.key, jobs.job_id(shard)) is not None

    def _enqueue(self, shard: int, now: float) -> bool:
        self._last[shard] = now
        self._idle_since.pop(shard, None)
        with contextlib.suppress(rq.exceptions.DuplicateJobError):
            self._queue.enqueue(
                jobs.DRAIN,
                shard,
                job_id=jobs.job_id(shard),
                unique=True,
                job_timeout=jobs.TIMEOUT_S,
                result_ttl=0,
                failure_ttl=FAILURE_TTL_S,
            )
            return True
        return False

    def _remove_orphan(self, shard: int) -> None:
        log.warning("orphan_replaced", shard=shard)
        self._delete_job(jobs.job_id(shard))
        self._client.lrem(self._queue.intermediate_queue_key, 0, jobs.job_id(shard))

    def _delete_job(self, job_id: str) -> None:
        with contextlib.suppress(rq.exceptions.NoSuchJobError):
            serializer = rq.serializers.JSONSerializer
            rq.job.Job.fetch(job_id, connection=self._client, serializer=serializer).delete()
        # A hash too broken to be fetched blocks the id as well.
        self._client.delete(rq.job.Job.key_for(job_id))
