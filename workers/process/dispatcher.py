"""The dispatcher: sees which streams have work and keeps exactly one drain job for each of them.

RQ's own recovery of a dead worker's job takes minutes. The dispatcher does not wait for it: a job is an
orphan if nobody holds the lease of its stream and the job does not wait in the queue, and an orphan is
replaced. Should an orphan still be running, the lease keeps it and its replacement apart.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import rq
import rq.exceptions
import rq.executions
import rq.job
import rq.serializers
import structlog

from storage.queue import drift, isolation, pause, streams
from storage.servers import clocks, scripts
from workers import jobs
from workers.draining import batch_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

log = structlog.get_logger(__name__)

INTERVAL_S: Final = 1.0
"""A trickling stream is drained at most this often: fewer, larger inserts; rows are visible within 2 s."""
BUSY_INTERVAL_S: Final = 1.5
"""A stream with at least ``BUSY_ENTRIES`` entries is drained this often: larger batches save most."""
BUSY_ENTRIES: Final = 50
FIND_S: Final = 10.0
"""How often the dispatcher looks for streams that are left from when there were more shards, and for streams
whose last id is ahead of the clock."""
ORPHAN_S: Final = 3.0
"""A job that nobody works on for this long is replaced. Between pop and lease lie milliseconds."""
LEASE_MS: Final = batch_limits.BatchLimits().lease_ms
"""A lease that seems to last longer is nobody's: Redis' clock was set back, and no holder renewed it."""
FAILURE_TTL_S: Final = 3600


class _StreamState(NamedTuple):
    """The state of a stream in Redis; ``paused`` is whether a pause keeps its entries from being drained."""

    entries: int
    leased: bool
    has_job: bool
    paused: bool


class Dispatcher:
    """Creates drain jobs; ``tick`` is called several times a second, from one or more processes.

    Args:
        client: a Redis client of its own.
        shards: number of shards.
        clock: seconds, monotonic.
        low_priority: returns the shared streams that are drained when no other stream is due.
        wall: seconds since the epoch; left in Redis for all processes that compare clocks.
    """

    def __init__(
        self,
        client: redis.Redis,
        shards: int,
        clock: Callable[[], float],
        low_priority: Callable[[], frozenset[int]] = frozenset,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._queue = rq.Queue(jobs.QUEUE, connection=client, serializer=rq.serializers.JSONSerializer)
        self._shards = shards
        self._clock = clock
        self._low_priority = low_priority
        self._wall = wall
        self._ahead: frozenset[int] = frozenset()
        self._streams: Sequence[int] = ()
        self._find_at = -math.inf
        self._enqueued_at: dict[int, float] = {}
        self._orphaned_since: dict[int, float] = {}

    def tick(self) -> int:
        """Create the drain jobs that are due and return how many.

        Raises:
            RedisError: Redis is away.
            RedisUnavailableError: likewise.
        """
        now = self._clock()
        if now >= self._find_at:
            self._streams, self._find_at = isolation.present(self._client, self._shards), now + FIND_S
            self._mend(self._streams)
        # The stream that waited longest comes first: of those with low priority, one at a time gets a job.
        numbers = sorted(self._streams, key=lambda stream: self._enqueued_at.get(stream, -math.inf))
        states = dict(zip(numbers, self._read_states(numbers), strict=True))
        if ahead := [stream for stream, state in states.items() if self._may_be_mended(stream, state)]:
            self._mend(ahead)
        return sum(self._visit(stream, state, now) for stream, state in states.items())

    def _read_states(self, numbers: Sequence[int]) -> list[_StreamState]:
        """Return the state of these streams; the same round trip leaves this clock's time in Redis."""
        with self._client.pipeline(transaction=False) as pipeline:
            scripts.TELL_TIME.add_to(pipeline, (clocks.KEY,), int(self._wall() * 1000))
            pipeline.pttl(pause.KEY)
            for stream in numbers:
                names = streams.keys(stream)
                pipeline.xlen(names.stream)
                pipeline.pttl(names.lease)
                pipeline.exists(rq.job.Job.key_for(jobs.job_id(stream)))
                pipeline.exists(names.bounds)
            _, left_ms, *answers = pipeline.execute()
        paused = pause.in_force(left_ms)
        return [
            _StreamState(entries, 0 <= lease_ms <= LEASE_MS, bool(has_job), paused and not bound)
            for entries, lease_ms, has_job, bound in zip(*[iter(answers)] * 4, strict=True)
        ]

    def _may_be_mended(self, stream: int, state: _StreamState) -> bool:
        return stream in self._ahead and not state.entries

    def _mend(self, numbers: Sequence[int]) -> None:
        """Bring streams that are ahead of the clock back to it, once they are empty."""
        found = drift.find(self._client, numbers, mend=True, clock=self._wall)
        for stream, (ahead_ms, mended) in found.items():
            if mended:
                log.warning("stream_mended", stream=stream, was_ahead_s=ahead_ms / 1000)
            elif stream not in self._ahead:
                log.warning("stream_ahead", stream=stream, ahead_s=ahead_ms / 1000)
        still_ahead = {stream for stream, (_, mended) in found.items() if not mended}
        self._ahead = self._ahead.difference(numbers) | still_ahead

    def _visit(self, stream: int, state: _StreamState, now: float) -> bool:
        """Create, keep, take back or replace the job of one stream; return whether one was created."""
        if not state.has_job:
            self._orphaned_since.pop(stream, None)
            due = state.entries > 0 and not state.paused and self._is_due(stream, state.entries, now)
            return due and self._enqueue(stream, now)
        if state.leased or self._is_waiting(stream):
            self._orphaned_since.pop(stream, None)
            if not state.leased and self._has_low_priority(stream) and self._queue.count > 1:
                self._take_back(stream)
            return False
        since = self._orphaned_since.setdefault(stream, now)
        if now - since < ORPHAN_S:
            return False
        self._remove_orphan(stream)
        return state.entries > 0 and not state.paused and self._enqueue(stream, now)

    def _is_due(self, stream: int, entries: int, now: float) -> bool:
        if self._has_low_priority(stream) and (entries >= BUSY_ENTRIES or self._queue.count):
            return not self._queue.count
        interval = BUSY_INTERVAL_S if entries >= BUSY_ENTRIES else INTERVAL_S
        return now - self._enqueued_at.get(stream, -interval) >= interval

    def _has_low_priority(self, stream: int) -> bool:
        return isolation.is_isolated(stream, self._shards) or stream in self._low_priority()

    def _take_back(self, stream: int) -> None:
        """Delete a job that still waits, unless a worker takes it at this moment."""
        if self._client.lrem(self._queue.key, 1, jobs.job_id(stream)):
            self._delete_job(jobs.job_id(stream))

    def _is_waiting(self, stream: int) -> bool:
        return self._client.lpos(self._queue.key, jobs.job_id(stream)) is not None

    def _enqueue(self, stream: int, now: float) -> bool:
        self._enqueued_at[stream] = now
        self._orphaned_since.pop(stream, None)
        with contextlib.suppress(rq.exceptions.DuplicateJobError):
            self._queue.enqueue(
                jobs.DRAIN,
                stream,
                job_id=jobs.job_id(stream),
                unique=True,
                job_timeout=jobs.TIMEOUT_S,
                result_ttl=0,
                failure_ttl=FAILURE_TTL_S,
            )
            return True
        return False

    def _remove_orphan(self, stream: int) -> None:
        log.warning("orphan_replaced", stream=stream)
        self._delete_job(jobs.job_id(stream))
        self._client.lrem(self._queue.intermediate_queue_key, 0, jobs.job_id(stream))

    def _delete_job(self, job_id: str) -> None:
        # RQ keeps the id of an execution for longer than the execution. It raises ValueError for one that
        # expired, and KeyError for one of which a late heartbeat wrote a single field, as after a suspension.
        with contextlib.suppress(rq.exceptions.NoSuchJobError, ValueError, KeyError):
            serializer = rq.serializers.JSONSerializer
            rq.job.Job.fetch(job_id, connection=self._client, serializer=serializer).delete()
        # A hash too broken to be fetched blocks the id; ids of expired executions would fail the next job.
        executions = rq.executions.ExecutionRegistry(job_id, self._client).key
        self._client.delete(rq.job.Job.key_for(job_id), executions)
