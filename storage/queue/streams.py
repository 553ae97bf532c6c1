"""The queue: one Redis stream per shard, written by the edge and drained in batches by one worker at a time.

Guarantees, given a Redis with AOF and ``noeviction``:

* An append is atomic with its count in the ledger, and carried out once, however often it arrives.
* An entry has its own time of receipt; its id is nothing but its place in the stream.
* Only the holder of the newest fencing token can bind or commit a batch. A drainer that lost its lease
  without noticing gets ``LeaseLostError`` and changes nothing.
* The bounds of a batch are stored before its work begins and leave with its entries in one step, so that
  whoever comes next re-processes exactly that batch.

Warning: an append that times out may have been stored. The caller was told it failed and the report may be
counted once. It is never counted twice, whoever repeats it: Redis knows an append (``appends``).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis.asyncio
import redis.exceptions
import structlog

from storage import errors
from storage.queue import appends, entry_ids
from storage.servers import redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from storage.queue import envelope

log = structlog.get_logger(__name__)

DEFAULT_SHARDS: Final = 16
ATTEMPTS: Final = 3
_AHEAD_PAGE: Final = 256
"""Entries counted in one step: at 50 kB each, Redis is busy for about 5 ms."""


PROJECT_COUNTS: Final = b"n"
"""The field of an entry that says how many payloads of which project it holds."""
VALUE: Final = b"p"
"""The field of an entry that holds its payloads."""
RECEIVED: Final = b"t"
"""The field of an entry that holds its time of receipt (ms); entries of earlier releases have none."""


class Keys(NamedTuple):
    """The Redis keys of one shard; the hash tag keeps them on one node of a cluster."""

    stream: str
    lease: str
    fence: str
    bounds: str
    attempts: str
    begun: str
    ledger: str


def keys(shard: int) -> Keys:
    """Return the Redis keys of a shard."""
    return Keys(*(f"headrace:{{{shard}}}:{name}" for name in Keys._fields))


class StoredEntry(NamedTuple):
    """An entry as it lies in the stream.

    ``project_counts`` says how many payloads of which project it holds, even when ``value`` is corrupt;
    ``received_ms`` is the time of receipt, in milliseconds since the epoch.
    """

    id: str
    project_counts: dict[int, int]
    value: bytes
    received_ms: int


class Held(NamedTuple):
    """An entry that is still in its stream, as it was at one moment.

    ``payloads`` is how many it holds; ``bounds`` are those of the batch that is under work in its shard, if
    any, and ``attempts`` is how often that batch was taken up again. ``received_ms`` is its time of receipt,
    in milliseconds since the epoch.
    """

    payloads: int
    bounds: bytes | None
    attempts: int
    received_ms: int


class Ahead(NamedTuple):
    """What will be drained before an entry."""

    entries: int
    payloads: int


class ShardLease(NamedTuple):
    """The right to drain a shard.

    ``bounds`` are those of a batch that was left unfinished, if any; ``attempts`` is how often it was taken
    up again since it was bound, and ``begun`` whether some of its rows may be in ClickHouse already.
    """

    shard: int
    token: int
    bounds: bytes | None
    attempts: int
    begun: bool


def entries(client: redis.Redis, numbers: Iterable[int]) -> int:
    """Return how many entries lie in these streams.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.told("did not count"), client.pipeline(transaction=False) as pipeline:
        for number in numbers:
            pipeline.xlen(keys(number).stream)
        return sum(pipeline.execute())


class AsyncAppender:
    """Appends for the edge: all shards in one round trip.

    A connection that ends is replaced, and the same append sent once more: Redis tells whether it had it.

    Args:
        client: a client of its own, without retries and with short timeouts.
        clock: seconds since the epoch; one of those by which the time of receipt is told.
    """

    def __init__(self, client: redis.asyncio.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._producer = appends.Producer(whole=False)
        self._turn = asyncio.Lock()  # numbers arrive in their order

    async def append(self, groups: Mapping[int, list[envelope.Payload]]) -> dict[int, str]:
        """Append one entry for each shard, and return the ids of those that Redis confirmed.

        A shard that Redis cannot store in is missing in the answer, and nothing of it is stored.

        Raises:
            RedisUnavailableError: Redis did not answer, or stored nothing; after a time-out it may have.
        """
        with redis_errors.told("did not take the reports"):
            async with self._turn:
                call = self._producer.next_call(grouped(groups), self._clock())
                answers: list[bytes] = await self._send(call)
        stored, refused = appends.parted(groups, answers)
        for shard, problem in refused.items():
            log.error("append_refused", shard=shard, error=problem)
        return stored

    async def _send(self, call: appends.Call) -> Any:  # noqa: ANN401 - a Lua answer
        try:
            return await scripts.APPEND_ENTRIES.run_async(self._client, call.keys, *call.arguments)
        except redis.exceptions.ConnectionError:
            return await scripts.APPEND_ENTRIES.run_async(self._client, call.keys, *call.arguments)


class Appender:
    """Appends for the command line.

    A connection that ends, or an answer that does not come, is met by sending the same append again, up to
    ``ATTEMPTS`` times in all: Redis tells whether it had it.

    Args:
        client: a synchronous client without retries of its own.
        clock: seconds since the epoch.
    """

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._producer = appends.Producer(whole=True)

    def append(self, groups: Mapping[int, list[envelope.Payload]]) -> dict[int, str]:
        """Append one entry for each shard, all of them or none, and return their ids.

        Raises:
            RedisUnavailableError: Redis did not confirm it; after a time-out it may be stored all the same.
        """
        call = self._producer.next_call(grouped(groups), self._clock())
        with redis_errors.told("did not take the payloads"):
            answers = self._send(call)
        return appends.parted(groups, answers)[0]

    def _send(self, call: appends.Call) -> Any:  # noqa: ANN401 - a Lua answer
        for _ in range(1, ATTEMPTS):
            with contextlib.suppress(redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                return scripts.APPEND_ENTRIES.run(self._client, call.keys, *call.arguments)
        return scripts.APPEND_ENTRIES.run(self._client, call.keys, *call.arguments)


class Queue:
    """The drainers' side of the queue.

    Args:
        client: a synchronous client; its errors surface as ``RedisUnavailableError``.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def acquire(self, shard: int, ttl_ms: int) -> ShardLease | None:
        """Take the lease of a shard, or return None when another drainer holds it."""
        names = keys(shard)
        where = (names.lease, names.fence, names.bounds, names.attempts, names.begun)
        answer = self._run(scripts.ACQUIRE_STREAM_LEASE, where, ttl_ms)
        if not answer:
            return None
        token, bounds, attempts, begun = answer
        return ShardLease(shard, token, bounds, attempts, bool(begun))

    def renew(self, lease: ShardLease, ttl_ms: int) -> None:
        """Prolong the lease.

        Raises:
            LeaseLostError: another drainer took the shard.
        """
        names = keys(lease.shard)
        if not self._run(scripts.RENEW_LEASE, (names.lease, names.fence), lease.token, ttl_ms):
            raise _lost(lease)

    def reset_attempts(self, lease: ShardLease) -> None:
        """Forget the attempts at the unfinished batch: it was not its fault."""
        with redis_errors.told():
            self._client.delete(keys(lease.shard).attempts)

    def release(self, lease: ShardLease) -> None:
        """Give the lease back; harmless when it is no longer held."""
        self._run(scripts.RELEASE_LEASE, (keys(lease.shard).lease,), lease.token)

    def break_lease(self, shard: int) -> None:
        """End whatever lease a shard is under: its holder is known to be dead.

        Should somebody else hold it meanwhile, the next drainer's fencing token makes him stop, and his batch
        is repeated.
        """
        with redis_errors.told():
            self._client.delete(keys(shard).lease)

    def read(self, shard: int, *, max_bytes: int, max_payloads: int) -> list[StoredEntry]:
        """Read the oldest entries of a shard, at least one if there is any, without removing them."""
        answer = self._run(scripts.READ_ENTRIES, (keys(shard).stream,), max_bytes, max_payloads)
        return [_stored(*found) for found in answer]

    def read_between(self, shard: int, first: str, last: str) -> list[StoredEntry]:
        """Read exactly the entries of a batch whose bounds are known."""
        with redis_errors.told("did not give the batch"):
            answer: Any = self._client.xrange(keys(shard).stream, first, last)
        return [_stored_fields(*found) for found in answer]

    def find(self, shard: int, entry_id: str) -> Held | None:
        """Return what is known of an entry that was not committed yet, or None if it is not in the stream."""
        names = keys(shard)
        with redis_errors.told(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.xrange(names.stream, entry_id, entry_id)
            pipeline.get(names.bounds)
            pipeline.get(names.attempts)
            found, bounds, attempts = pipeline.execute()
        if not found:
            return None
        stored = _stored_fields(*found[0])
        return Held(sum(stored.project_counts.values()), bounds, int(attempts or 0), stored.received_ms)

    def ahead_of(self, shard: int, entry_id: str) -> Ahead:
        """Count what lies before an entry that is in the stream."""
        total, start = Ahead(0, 0), "-"
        while start:
            entries, payloads, more = self._run(
                scripts.COUNT_ENTRIES_BEFORE, (keys(shard).stream,), start, entry_id, _AHEAD_PAGE
            )
            total = Ahead(total.entries + entries, total.payloads + payloads)
            start = more.decode() if more else ""
        return total

    def bind(self, lease: ShardLease, bounds: bytes) -> None:
        """Store the bounds of a batch before its work begins, or better ones before anything was inserted.

        Raises:
            LeaseLostError: another drainer took the shard.
        """
        names = keys(lease.shard)
        where = (names.fence, names.bounds, names.attempts, names.begun)
        if not self._run(scripts.BIND_BATCH, where, lease.token, bounds):
            raise _lost(lease)

    def begin(self, lease: ShardLease, ttl_ms: int) -> None:
        """Prolong the lease and note that the inserts of the bound batch begin.

        Raises:
            LeaseLostError: another drainer took the shard.
        """
        names = keys(lease.shard)
        if not self._run(scripts.BEGIN_INSERTS, (names.lease, names.fence, names.begun), lease.token, ttl_ms):
            raise _lost(lease)

    def commit(self, lease: ShardLease, bounds: bytes, last: str, counts: Iterable[tuple[str, int]]) -> None:
        """Drop the batch that ends with entry ``last``, and add ``counts`` to the shard's ledger, at once.

        Raises:
            LeaseLostError: another drainer took the shard, or committed this batch already.
        """
        names = keys(lease.shard)
        flat = [part for pair in counts for part in pair]
        where = (names.fence, names.bounds, names.attempts, names.begun, names.stream, names.ledger)
        following = str(entry_ids.parse(last).following)
        if not self._run(scripts.COMMIT_BATCH, where, lease.token, bounds, following, *flat):
            raise _lost(lease)

    def _run(self, script: scripts.Script, names: tuple[str, ...], *arguments: object) -> Any:  # noqa: ANN401 - a Lua answer
        with redis_errors.told():
            return script.run(self._client, names, *arguments)


def grouped(groups: Mapping[int, list[envelope.Payload]]) -> Iterator[appends.Group]:
    """Yield what an append is told of each shard."""
    for shard, payloads in groups.items():
        names = keys(shard)
        yield appends.Group(names.stream, names.ledger, payloads)


def received_ms(entry_id: bytes, fields: Mapping[bytes, bytes]) -> int:
    """Return the time of receipt of an entry from its fields; one of an earlier release has its id's."""
    return _dated(entry_id, fields.get(RECEIVED))


def _dated(entry_id: bytes, received: bytes | None) -> int:
    return int(received) if received and received.isdigit() else entry_ids.parse(entry_id).ms


def _stored_fields(entry_id: bytes, fields: Mapping[bytes, bytes]) -> StoredEntry:
    return _stored(entry_id, fields[PROJECT_COUNTS], fields[VALUE], fields.get(RECEIVED))


def _stored(entry_id: bytes, counted: bytes, value: bytes, received: bytes | None = None) -> StoredEntry:
    """Return an entry; one of an earlier release was received when its id says."""
    numbers = [int(number) for number in counted.split()]
    counts = dict(zip(numbers[::2], numbers[1::2], strict=True))
    return StoredEntry(entry_id.decode(), counts, value, _dated(entry_id, received))


def _lost(lease: ShardLease) -> errors.LeaseLostError:
    return errors.LeaseLostError(
        f"Shard {lease.shard} was taken over: token {lease.token} is not the newest."
    )
