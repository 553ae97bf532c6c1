"""Batches: a drainer holds the lease of a stream, and reads, binds, begins and commits a batch of entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from storage import errors
from storage.queue import entry_ids, pause, streams
from storage.servers import leases, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis

_PAGE: Final = 256
"""Entries counted in one step: at 50 kB each, Redis is busy for about 5 ms."""


class StreamLease(NamedTuple):
    """The right to drain a stream.

    ``bounds`` are those of a batch that was left unfinished, if any; ``attempts`` is how often it was taken
    up again since it was bound, and ``begun`` whether some of its rows may be in ClickHouse already.
    """

    stream: int
    token: int
    bounds: bytes | None
    attempts: int
    begun: bool


class UncommittedEntry(NamedTuple):
    """An entry that is still in its stream, as it was at one moment.

    ``payloads`` is how many it holds; ``bounds`` are those of the batch that is under work in its stream, if
    any, and ``attempts`` is how often that batch was taken up again. ``received_ms`` is its time of receipt,
    in milliseconds since the epoch.
    """

    payloads: int
    bounds: bytes | None
    attempts: int
    received_ms: int


class EntriesBefore(NamedTuple):
    """The number of entries, and of payloads in them, that are drained before an entry."""

    entries: int
    payloads: int


class Queue:
    """The streams, as drainers use them.

    Args:
        client: a synchronous client; its errors surface as ``RedisUnavailableError``.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def acquire(self, stream: int, ttl_ms: int) -> StreamLease | None:
        """Take the lease of a stream, or return None when another drainer holds it."""
        names = streams.keys(stream)
        where = (names.lease, names.fence, names.bounds, names.attempts, names.begun)
        answer = self._run(scripts.ACQUIRE_STREAM_LEASE, where, ttl_ms)
        if not answer:
            return None
        token, bounds, attempts, begun = answer
        return StreamLease(stream, token, bounds, attempts, bool(begun))

    def renew(self, lease: StreamLease, ttl_ms: int) -> None:
        """Prolong the lease.

        Raises:
            LeaseLostError: another drainer took the stream.
        """
        names = streams.keys(lease.stream)
        if not self._run(scripts.RENEW_LEASE, (names.lease, names.fence), lease.token, ttl_ms):
            raise _lost(lease)

    def reset_attempts(self, lease: StreamLease) -> None:
        """Forget the attempts at the unfinished batch: the batch did not cause the failure."""
        with redis_errors.translated():
            self._client.delete(streams.keys(lease.stream).attempts)

    def release(self, lease: StreamLease) -> None:
        """Give the lease back; harmless when it is no longer held."""
        self._run(scripts.RELEASE_LEASE, (streams.keys(lease.stream).lease,), lease.token)

    def break_lease(self, stream: int) -> None:
        """End the lease of a stream, whose holder is known to be dead.

        Should another drainer hold it meanwhile, the next drainer's fencing token stops that drainer, and its
        batch is repeated.
        """
        with redis_errors.translated():
            self._client.delete(streams.keys(stream).lease)

    def read(self, stream: int, *, max_bytes: int, max_payloads: int) -> list[streams.StoredEntry]:
        """Read the oldest entries of a stream, at least one if there is any, without removing them."""
        answer = self._run(scripts.READ_ENTRIES, (streams.keys(stream).stream,), max_bytes, max_payloads)
        return [streams.entry(*found) for found in answer]

    def read_between(self, stream: int, first: str, last: str) -> list[streams.StoredEntry]:
        """Read exactly the entries of a batch whose bounds are known."""
        with redis_errors.translated("did not give the batch"):
            answer: Any = self._client.xrange(streams.keys(stream).stream, first, last)
        return [streams.entry_of_fields(*found) for found in answer]

    def find(self, stream: int, entry_id: str) -> UncommittedEntry | None:
        """Return what is known of an entry that was not committed yet, or None if it is not in the stream."""
        names = streams.keys(stream)
        with redis_errors.translated(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.xrange(names.stream, entry_id, entry_id)
            pipeline.get(names.bounds)
            pipeline.get(names.attempts)
            found, bounds, attempts = pipeline.execute()
        if not found:
            return None
        stored = streams.entry_of_fields(*found[0])
        payloads = sum(stored.project_counts.values())
        return UncommittedEntry(payloads, bounds, int(attempts or 0), stored.received_ms)

    def entries_before(self, stream: int, entry_id: str) -> EntriesBefore:
        """Count the entries that lie before an entry that is in the stream."""
        total, start = EntriesBefore(0, 0), "-"
        while start:
            entries, payloads, more = self._run(
                scripts.COUNT_ENTRIES_BEFORE, (streams.keys(stream).stream,), start, entry_id, _PAGE
            )
            total = EntriesBefore(total.entries + entries, total.payloads + payloads)
            start = more.decode() if more else ""
        return total

    def bind(self, lease: StreamLease, bounds: bytes, *, planned: int | None = None) -> None:
        """Store the bounds of a batch before its work begins, or better ones before anything was inserted.

        Args:
            lease: the lease of the stream.
            bounds: the bounds.
            planned: the newest pause (``pause.newest``) when the batch was planned; None binds it also if
                there was one since.

        Raises:
            LeaseLostError: another drainer took the stream.
            PausedError: the stream has no bounds, and drains are paused, or were since the batch was planned.
        """
        names = streams.keys(lease.stream)
        where = (names.fence, names.bounds, names.attempts, names.begun, pause.KEY, pause.FENCE)
        since = "" if planned is None else planned
        answer = self._run(scripts.BIND_BATCH, where, lease.token, bounds, leases.TTL_MS, since)
        _require(lease, answer)

    def begin(self, lease: StreamLease, ttl_ms: int) -> None:
        """Prolong the lease and note that the inserts of the bound batch begin.

        Raises:
            LeaseLostError: another drainer took the stream.
            PausedError: drains are paused, and a worker of an earlier release bound the batch meanwhile.
        """
        names = streams.keys(lease.stream)
        where = (names.lease, names.fence, names.begun, pause.KEY, pause.HELD)
        _require(lease, self._run(scripts.BEGIN_INSERTS, where, lease.token, ttl_ms))

    def commit(self, lease: StreamLease, bounds: bytes, last: str, counts: Iterable[tuple[str, int]]) -> None:
        """Drop the batch that ends with entry ``last``, and add ``counts`` to the stream's ledger, at once.

        Raises:
            LeaseLostError: another drainer took the stream, or committed this batch already.
        """
        names = streams.keys(lease.stream)
        flat = [part for pair in counts for part in pair]
        where = (names.fence, names.bounds, names.attempts, names.begun, names.stream, names.ledger)
        following = str(entry_ids.parse(last).following)
        if not self._run(scripts.COMMIT_BATCH, where, lease.token, bounds, following, *flat):
            raise _lost(lease)

    def _run(self, script: scripts.Script, names: tuple[str, ...], *arguments: object) -> Any:  # noqa: ANN401 - a Lua answer
        with redis_errors.translated():
            return script.run(self._client, names, *arguments)


def _require(lease: StreamLease, answer: int) -> None:
    if answer == 0:
        raise _lost(lease)
    if answer < 0:
        raise pause.PausedError(f"Drains are paused, or were just now: stream {lease.stream} waits.")


def _lost(lease: StreamLease) -> errors.LeaseLostError:
    return errors.LeaseLostError(
        f"Stream {lease.stream} was taken over: token {lease.token} is not the newest."
    )
