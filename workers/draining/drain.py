"""Drains one stream: binds a batch, processes, inserts and commits it, until hardly an entry waits.

Guarantee: whatever kills a drainer between two lines, the next one finds either the bounds of the batch and
repeats exactly the same inserts under the same tokens, or no bounds and a batch that is completely stored.

Warning: while ClickHouse or Redis is away the batch stays where it is and the stream waits; a drainer that
was frozen past its lease notices at its next fence check, and at the latest when it commits.
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from storage import errors
from storage.archive import guard
from storage.findings import due
from storage.limits import limit_decider
from storage.projects import partitions
from storage.queue import batches, isolation, retry_memory
from storage.tables import migrate, writer
from workers import pipeline
from workers.draining import (
    batch,
    batch_limits,
    binding,
    corrupt,
    lease_renewal,
    rescue,
    retries,
    rules_in_force,
    sizing,
)
from workers.failures import defects, failpoints, interruption

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from storage.servers import clickhouse

TABLES: Final = (
    *("policies", "finding_days", "policy_days", "reports", "archived"),
    *("quarantine", "receipts", "outcomes"),
)
"""The tables in the order of their inserts."""
LONG_S: Final = 0.2
"""A batch that took longer tells what its payloads cost; half of a shorter one may be the fixed cost."""

_Counts = dict[str, dict[int, int]]
"""The counts of a batch for the ledger: by name, by project."""


class Drained(NamedTuple):
    """The entries and payloads that one drain committed."""

    batches: int
    payloads: int
    reports: int


class Drainer:
    """Drains streams, one at a time.

    Args:
        queue: the queue's drainer side.
        client: a Redis client without retries, for the registry, the partitions and the limits.
        server: a ClickHouse connection of this thread.
        clock: seconds, monotonic.
        limits: see ``BatchLimits``.
        max_partitions: the most live partitions of all projects.
        batch_sizing: adapts the limits from batch to batch; by default they stay as they are.
        stop: asked between batches; once it says yes, no further batch is bound.
    """

    def __init__(  # noqa: PLR0913 - what a drain needs of the outside, each replaced by some test
        self,
        queue: batches.Queue,
        client: redis.Redis,
        server: clickhouse.Connection,
        clock: Callable[[], float],
        limits: batch_limits.BatchLimits | None = None,
        *,
        max_partitions: int = partitions.BUDGET,
        batch_sizing: sizing.BatchSizing | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._queue = queue
        self._client = client
        self._server = server
        self._clock = clock
        self._limits = limits or batch_limits.BatchLimits()
        self._sizing = batch_sizing or sizing.BatchSizing(self._limits, math.inf, start=1.0)
        self._stop = stop
        self._binder = binding.Binder(
            queue,
            client,
            rules_in_force.RulesInForce(client, server),
            guard.PartitionGuard(client, server, max_partitions).admit,
        )
        self._rescue = rescue.Rescue(queue, server)

    def drain(self, stream: int) -> Drained:
        """Drain a stream until its backlog no longer fills a batch, or the time budget ends.

        Raises:
            RecoverableError: Redis or ClickHouse is away; the batch waits with its bounds.
            Interruption: the work was stopped or took too long; the batch waits likewise.
            LeaseLostError: another drainer took the stream over.
            InsertRefusedError: ClickHouse refuses even the counts; the batch waits for a person.
        """
        lease = self._queue.acquire(stream, self._limits.lease_ms)
        if lease is None:
            return Drained(0, 0, 0)
        with lease_renewal.renewed(self._queue, lease, self._limits.lease_ms, self._clock):
            try:
                return self._drain_batches(lease)
            except (errors.RecoverableError, interruption.Stopped):
                # The batch is not to blame. A time-out counts as an attempt: the batch may never end.
                with contextlib.suppress(errors.RedisUnavailableError):
                    self._queue.reset_attempts(lease)
                raise

    def _drain_batches(self, lease: batches.StreamLease) -> Drained:
        deadline = self._clock() + self._limits.budget_s
        total = Drained(0, 0, 0)
        bound = self._resume(lease) if lease.bounds else self._binder.bind_next(lease, self._sizing.limits)
        while bound:
            began = self._clock()
            payloads, reports = self._process(lease, bound)
            self._learn_from(bound, self._clock() - began)
            failpoints.hit("after_commit")
            total = Drained(total.batches + 1, total.payloads + payloads, total.reports + reports)
            if not bound.full or self._stop() or self._clock() >= deadline:
                break
            bound = self._binder.bind_next(lease, self._sizing.limits)
        return total

    def _resume(self, lease: batches.StreamLease) -> batch.BoundBatch:
        bound = self._binder.resume(lease)
        return bound if lease.attempts <= self._limits.attempts else self._rescue.suspected(lease, bound)

    def _learn_from(self, bound: batch.BoundBatch, seconds: float) -> None:
        """Adapt the size of the next batch, and note the costs of a batch's projects if it took long."""
        self._sizing.learn(seconds, full=bound.full)
        if seconds < LONG_S:
            return
        costs = batch.payload_costs(bound.decoded.entries, seconds - LONG_S / 2)
        with contextlib.suppress(errors.RedisUnavailableError):  # the batch is committed: costs are a hint
            isolation.note_costs(self._client, costs)

    def _process(self, lease: batches.StreamLease, bound: batch.BoundBatch) -> tuple[int, int]:
        """Make the rows of a batch, insert and commit them. Returns its payloads and its reports."""
        failures = 0
        while True:
            decider = _ShieldedDecider(self._client, lease, f"{bound.bounds.first}-{bound.bounds.last}")
            try:
                tables = self._make_rows(lease, bound, decider)
                failpoints.hit("after_process")
                counts = self._insert(lease, bound, tables)
            except (rescue.BrokenError, rescue.RefusedRowsError) as error:
                failures += 1
                bound = self._rescue.without_poison(lease, bound, error, failures)
                continue
            decider.note_sketches(tables.sketches)
            done = self._commit(lease, bound, counts)
            decider.forget()
            return done

    @staticmethod
    def _make_rows(
        lease: batches.StreamLease, bound: batch.BoundBatch, decider: _ShieldedDecider
    ) -> pipeline.Tables:
        """Return the rows of a batch.

        Raises:
            rescue.BrokenError: a stage fails on something in it. Errors of a store that is away, of a lost
                lease and of the machine pass as they are, because they say nothing of the batch; so do
                interruptions, which are no ``Exception``.
        """
        try:
            with interruption.allowed():
                entries, plan = bound.decoded.entries, bound.bounds.plan
                return pipeline.process(lease.stream, entries, plan, decider, bound.common)
        except (errors.RecoverableError, errors.LeaseLostError, *interruption.SURROUNDINGS):
            raise
        except Exception as error:
            raise rescue.BrokenError(defects.describe(error)) from error

    def _insert(
        self, lease: batches.StreamLease, bound: batch.BoundBatch, tables: pipeline.Tables
    ) -> _Counts:
        """Insert the rows of a batch, each table under its own token, and return what is to be counted.

        The tables that may refuse data for good come first, so that nothing is counted yet when they do. Rows
        of findings may then be stored of payloads that leave the batch: their months are noted as due.
        """
        columns = {name: getattr(tables, name) for name in TABLES}
        counts = {name: dict(getattr(tables, name)) for name in ("found", "quarantined", "beyond")}
        if bound.decoded.corrupt:
            corrupt.add(columns, counts, lease.stream, bound.decoded.corrupt, bound.bounds.plan)
        if not bound.bounds.plan.findings:
            self._note_due(tables)
        for table in TABLES:
            try:
                if any(columns[table].values()):
                    self._queue.begin(lease, self._limits.lease_ms)
                    with interruption.allowed():
                        token = bound.bounds.token(lease.stream, table)
                        stored_in = writer.STORED_IN.get(table, table)
                        writer.insert(self._server, stored_in, columns[table], token)
            except errors.InsertRefusedError as error:
                migrate.require_applied(self._server)
                if table not in rescue.REFUSABLE:
                    raise
                if table != TABLES[0]:
                    self._note_due(tables)
                raise rescue.RefusedRowsError(str(error)) from error
            failpoints.hit(f"after_{table}")
        return counts

    def _note_due(self, tables: pipeline.Tables) -> None:
        """Note that the findings of the months of a batch are to be counted again, before it is committed."""
        with interruption.allowed():
            for project_id, months in tables.months.items():
                due.note(self._server, project_id, months)

    def _commit(
        self, lease: batches.StreamLease, bound: batch.BoundBatch, counts: _Counts
    ) -> tuple[int, int]:
        payloads = batch.project_counts(bound.stored)
        fields = [
            (f"{name}:{project}", count)
            for name, each in {"committed": payloads, **counts}.items()
            for project, count in each.items()
        ]
        self._note_counted_reports(lease.stream, bound)
        failpoints.hit("before_commit")
        self._queue.commit(lease, bound.encoded, bound.bounds.last, fields)
        return sum(payloads.values()), sum(counts["found"].values())

    def _note_counted_reports(self, stream: int, bound: batch.BoundBatch) -> None:
        """Note which reports this batch counts, so that later batches know their retries; idempotent."""
        found, plan = bound.counted_reports, bound.bounds.plan
        if found is None:
            found = retries.counted_reports(plan, retries.candidates(stream, bound.decoded.entries, plan))
        retry_memory.note(self._client, stream, found)


class _ShieldedDecider(limit_decider.LimitDecider):
    """Decides the limits of one batch; an interruption waits until Redis has answered."""

    def _decide(self, *arguments: Any, **named: Any) -> bytes:  # noqa: ANN401 - as the class takes them
        with interruption.shielded():
            return super()._decide(*arguments, **named)
