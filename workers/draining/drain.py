"""Draining one shard: claim a batch, process it, insert it, commit it, until the shard is nearly empty.

Guarantee: whatever kills a drainer between two lines, the next one finds either the bounds of the batch and
repeats exactly the same inserts under the same tokens, or no bounds and a batch that is completely stored.

Warning: while ClickHouse or Redis is away the batch stays where it is and the shard waits; a drainer that was
frozen past its lease notices at its next fence check, and at the latest when it commits.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import structlog

from storage import errors
from storage.limits import limit_decider
from storage.projects import model, partitions, registry
from storage.queue import isolation, retry_memory
from storage.servers import clocks
from storage.tables import writer
from workers import pipeline
from workers.draining import batch, corrupt, rescue, retries, sizing
from workers.draining.batch_limits import BatchLimits
from workers.failures import defects, failpoints, interruption
from workers.poison import forked_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import redis

    from storage.queue import streams
    from storage.servers import clickhouse

log = structlog.get_logger(__name__)

TABLES: Final = ("policies", "reports", "quarantine", "receipts", "outcomes")
"""In the order of their inserts."""
RELEASE_S: Final = 3.0
"""How long a drain tries to give its lease back while Redis is away: its shard would wait longer for it."""
RELEASE_PAUSE_S: Final = 0.2
LONG_S: Final = 0.2
"""A batch that took this long tells what its payloads cost: half of it may be the fixed cost of any batch."""


_Counts = dict[str, dict[int, int]]
"""What the ledger counts of a batch: by name, by project."""


class NoRegistryError(errors.RecoverableError):
    """Redis lost the registry. What a project asks to be left out is never stored by default settings."""


class Drained(NamedTuple):
    """What one drain did."""

    batches: int
    payloads: int
    reports: int


class Drainer:
    """Drains shards, one at a time.

    Args:
        queue: the queue's drainer side.
        client: a Redis client without retries, for the registry and the partition guard.
        server: a ClickHouse connection of this thread.
        clock: seconds, monotonic.
        limits: see ``BatchLimits``.
        batch_sizing: adapts them from batch to batch; by default they stay as they are.
        stop: asked between batches; once it says yes, no further batch is claimed.
    """

    def __init__(  # noqa: PLR0913 - what a drain needs of the outside, each replaced by some test
        self,
        queue: streams.Queue,
        client: redis.Redis,
        server: clickhouse.Connection,
        clock: Callable[[], float],
        limits: BatchLimits | None = None,
        *,
        batch_sizing: sizing.BatchSizing | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._queue = queue
        self._client = client
        self._server = server
        self._clock = clock
        self._limits = limits or BatchLimits()
        self._sizing = batch_sizing or sizing.BatchSizing(self._limits, math.inf, start=1.0)
        self._stop = stop
        self._rescue = rescue.Rescue(queue, server)

    def drain(self, shard: int) -> Drained:
        """Drain a shard until its backlog no longer fills a batch, or the time budget ends.

        Raises:
            RecoverableError: Redis or ClickHouse is away; the batch waits with its bounds.
            Interruption: the work was stopped or took too long; the batch waits likewise.
            LeaseLostError: another drainer took the shard over.
            InsertRefusedError: ClickHouse refuses even the counts; the batch waits for a person.
        """
        lease = self._queue.acquire(shard, self._limits.lease_ms)
        if lease is None:
            return Drained(0, 0, 0)
        with self._held(lease):
            try:
                return self._drain(lease)
            except (errors.RecoverableError, interruption.Stopped):
                with contextlib.suppress(errors.RedisUnavailableError):
                    self._queue.reset_attempts(lease)
                raise

    def _drain(self, lease: streams.ShardLease) -> Drained:
        deadline = self._clock() + self._limits.budget_s
        total = Drained(0, 0, 0)
        work = self._resume(lease) if lease.bounds else self._claim(lease)
        while work:
            began = self._clock()
            payloads, reports = self._process(lease, work)
            self._note(work, self._clock() - began)
            failpoints.hit("after_commit")
            total = Drained(total.batches + 1, total.payloads + payloads, total.reports + reports)
            if not work.full or self._stop() or self._clock() >= deadline:
                break
            work = self._claim(lease)
        return total

    @contextlib.contextmanager
    def _held(self, lease: streams.ShardLease) -> Iterator[None]:
        """Renew the lease in the background while work goes on, and give it back at the end."""
        done = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(lease, done), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()
            self._release(lease)

    def _release(self, lease: streams.ShardLease) -> None:
        """Give the lease back, also to a Redis that is just being restarted; else it expires by itself."""
        deadline = self._clock() + RELEASE_S
        while True:
            try:
                return self._queue.release(lease)
            except errors.RedisUnavailableError:
                if self._clock() >= deadline:
                    return None
                time.sleep(RELEASE_PAUSE_S)

    def _keep(self, lease: streams.ShardLease, done: threading.Event) -> None:
        while not done.wait(self._limits.lease_ms / 3000):
            with forked_trials.fork_lock:  # with all that it takes, also the locks of what logs
                if not self._renew(lease):
                    return  # the fence checks of the work itself find it

    def _renew(self, lease: streams.ShardLease) -> bool:
        try:
            self._queue.renew(lease, self._limits.lease_ms)
        except errors.LeaseLostError:
            return False
        except errors.RedisUnavailableError as error:
            log.warning("lease_not_renewed", shard=lease.shard, error=str(error))
        return True

    def _resume(self, lease: streams.ShardLease) -> batch.Work:
        """Take up the batch that an earlier drainer left: the same entries under the same plan."""
        encoded = lease.bounds or b""
        bounds = batch.decode_bounds(encoded)
        found = self._queue.read_between(lease.shard, bounds.first, bounds.last)
        stored = batch.dated(found, bounds.plan.latest_ms)
        log.info("batch_resumed", shard=lease.shard, first=bounds.first, last=bounds.last)
        work = batch.Work(
            bounds,
            encoded,
            stored,
            batch.decode_entries(stored, bounds.damaged),
            full=True,
            begun=lease.begun,
        )
        work = self._by_the_newest(lease, work)
        return work if lease.attempts <= self._limits.attempts else self._rescue.suspected(lease, work)

    def _claim(self, lease: streams.ShardLease) -> batch.Work | None:
        """Bind the next batch: write its bounds and its plan before anything is done with it."""
        limits = self._sizing.limits
        found = self._queue.read(lease.shard, max_bytes=limits.max_bytes, max_payloads=limits.max_payloads)
        if not found:
            return None
        latest_ms = clocks.latest_ms(self._client)
        available = batch.dated(found, latest_ms)
        decoded = batch.decode_entries(available)
        kept = batch.cut(available, decoded, limits.max_reports)
        stored, decoded = available[:kept], decoded.until(available[kept - 1].id)
        plan = batch.make_plan(
            decoded.entries, self._registry(), self._admit, latest_ms, _project_counts(stored)
        )
        sightings = retries.sightings(lease.shard, decoded.entries, plan)
        plan, left = retries.decided(
            plan, sightings, lambda keys: retry_memory.recall(self._client, lease.shard, keys)
        )
        full = kept < len(available) or _is_full(stored, limits)
        failpoints.hit("before_bounds")
        bounds = batch.BatchBounds(stored[0].id, stored[-1].id, plan)
        encoded = batch.encode_bounds(bounds)
        self._queue.bind(lease, encoded)
        failpoints.hit("after_bounds")
        return self._by_the_newest(lease, batch.Work(bounds, encoded, stored, decoded, full=full, left=left))

    def _by_the_newest(self, lease: streams.ShardLease, work: batch.Work) -> batch.Work:
        """Bind a batch again if what it must leave out changed before anything of it was stored.

        Who published a registry may rely on it: see ``storage.removal.underway``.
        """
        while not work.begun:
            known = work.bounds.plan.registry
            if registry.read_version(self._client) in (None, known):
                break
            snapshot = self._registry()
            if snapshot.version == known:
                break
            plan = batch.narrowed(work.bounds.plan, snapshot, _project_counts(work.stored))
            bounds = msgspec.structs.replace(work.bounds, plan=plan)
            encoded = batch.encode_bounds(bounds)
            self._queue.bind(lease, encoded)
            work = work._replace(bounds=bounds, encoded=encoded)
        return work

    def _note(self, work: batch.Work, seconds: float) -> None:
        """Note how long a batch took, for the size of the next, and for who is loud if it took long."""
        self._sizing.note(seconds, full=work.full)
        if seconds < LONG_S:
            return
        with contextlib.suppress(errors.RedisUnavailableError):
            isolation.note_costs(self._client, batch.costs(work.decoded.entries, seconds - LONG_S / 2))

    def _registry(self) -> model.Snapshot:
        snapshot = registry.read_snapshot(self._client)
        if snapshot is None:
            raise NoRegistryError("Redis holds no project registry yet: maintenance publishes it.")
        return snapshot

    def _admit(
        self, project_id: int, pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
    ) -> dict[partitions.Pair, str]:
        return partitions.admit(self._client, project_id, pairs, most=most, now_ms=now_ms)

    def _process(self, lease: streams.ShardLease, work: batch.Work) -> tuple[int, int]:
        """Carry a batch through: rows, inserts, commit. Returns its payloads and its reports."""
        failures = 0
        while True:
            arbiter = _ShieldedDecider(self._client, lease, f"{work.bounds.first}-{work.bounds.last}")
            try:
                tables = self._tables(lease, work, arbiter)
                failpoints.hit("after_process")
                counts = self._insert(lease, work, tables)
            except (rescue.BrokenError, rescue.RefusedRowsError) as error:
                failures += 1
                work = self._rescue.without_poison(lease, work, error, failures)
                continue
            done = self._commit(lease, work, counts)
            arbiter.forget()
            return done

    @staticmethod
    def _tables(lease: streams.ShardLease, work: batch.Work, arbiter: _ShieldedDecider) -> pipeline.Tables:
        """Return the rows of a batch.

        Raises:
            rescue.BrokenError: something in it makes a stage fail.
        """
        try:
            with interruption.allowed():
                return pipeline.process(lease.shard, work.decoded.entries, work.bounds.plan, arbiter)
        except (errors.RecoverableError, errors.LeaseLostError, *interruption.SURROUNDINGS):
            raise
        except Exception as error:
            raise rescue.BrokenError(defects.told(error)) from error

    def _insert(self, lease: streams.ShardLease, work: batch.Work, tables: pipeline.Tables) -> _Counts:
        """Insert the rows of a batch, each table under its own token, and return what is to be counted.

        The tables that may refuse data for good come first, so that nothing is counted yet when they do.
        """
        columns = {name: getattr(tables, name) for name in TABLES}
        counts = {name: dict(getattr(tables, name)) for name in ("found", "quarantined", "beyond")}
        if work.decoded.corrupt:
            corrupt.add(columns, counts, lease.shard, work.decoded.corrupt, work.bounds.plan)
        for table in TABLES:
            self._queue.begin(lease, self._limits.lease_ms)
            try:
                with interruption.allowed():
                    writer.insert(self._server, table, columns[table], work.bounds.token(lease.shard, table))
            except errors.InsertRefusedError as error:
                refused = rescue.RefusedRowsError(str(error)) if table in rescue.REFUSABLE else error
                raise refused from error
            failpoints.hit(f"after_{table}")
        return counts

    def _commit(self, lease: streams.ShardLease, work: batch.Work, counts: _Counts) -> tuple[int, int]:
        payloads = _project_counts(work.stored)
        fields = [
            (f"{name}:{project}", count)
            for name, each in {"committed": payloads, **counts}.items()
            for project, count in each.items()
        ]
        self._remember(lease.shard, work)
        failpoints.hit("before_commit")
        self._queue.commit(lease, work.encoded, work.bounds.last, fields)
        return sum(payloads.values()), sum(counts["found"].values())

    def _remember(self, shard: int, work: batch.Work) -> None:
        """Leave to later batches what this one counts. Once it is bound, doing so again changes nothing."""
        left, plan = work.left, work.bounds.plan
        if left is None:
            left = retries.left_again(plan, retries.sightings(shard, work.decoded.entries, plan))
        retry_memory.remember(self._client, shard, left)


class _ShieldedDecider(limit_decider.LimitDecider):
    """Rules on one batch; what it asks of Redis is not cut in two."""

    def _decide(self, *arguments: Any, **named: Any) -> bytes:  # noqa: ANN401 - as the class takes them
        with interruption.shielded():
            return super()._decide(*arguments, **named)


def _is_full(stored: Sequence[streams.StoredEntry], limits: BatchLimits) -> bool:
    """Say whether a batch came near its limits; half of them tells a backlog from a trickle."""
    payloads = sum(sum(item.project_counts.values()) for item in stored)
    size = sum(len(item.value) for item in stored)
    return payloads * 2 > limits.max_payloads or size * 2 > limits.max_bytes


def _project_counts(stored: Sequence[streams.StoredEntry]) -> dict[int, int]:
    """Return how many payloads of which project a batch holds."""
    total: dict[int, int] = {}
    for item in stored:
        for project, count in item.project_counts.items():
            total[project] = total.get(project, 0) + count
    return total
