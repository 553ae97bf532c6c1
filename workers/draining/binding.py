"""Binds batches: chooses the next entries, and stores their bounds in Redis before work on them begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from storage import errors
from storage.projects import registry
from storage.queue import batches, pause, retry_memory
from storage.servers import clocks
from workers.draining import batch, plans, retries, rules_in_force
from workers.draining import bounds as batch_bounds
from workers.failures import failpoints

if TYPE_CHECKING:
    import redis

    from storage.projects import model
    from workers.draining.batch_limits import BatchLimits

log = structlog.get_logger(__name__)


class NoRegistryError(errors.RecoverableError):
    """Redis lost the registry. By default settings a report might be stored that its project leaves out."""


class Binder:
    """Binds the batches of streams.

    Args:
        queue: the queue's drainer side.
        client: a Redis client without retries, for the registry and the memory of retries.
        rules: finds the rules file of a batch.
        admit: asked for the partitions of each project.
    """

    def __init__(
        self,
        queue: batches.Queue,
        client: redis.Redis,
        rules: rules_in_force.RulesInForce,
        admit: plans.Admit,
    ) -> None:
        self._queue = queue
        self._client = client
        self._rules = rules
        self._admit = admit

    def resume(self, lease: batches.StreamLease) -> batch.BoundBatch:
        """Return the batch that an earlier drainer left: the same entries under the same plan.

        Raises:
            RecoverableError: Redis is away, or the rules file that its plan names cannot be found.
            LeaseLostError: another drainer took the stream over.
        """
        encoded = lease.bounds or b""
        bounds = batch_bounds.decode(encoded)
        found = self._queue.read_between(lease.stream, bounds.first, bounds.last)
        stored = batch.dated(found, bounds.plan.latest_ms)
        log.info("batch_resumed", stream=lease.stream, first=bounds.first, last=bounds.last)
        decoded = batch.decode_entries(stored, bounds.damaged)
        bound = batch.BoundBatch(bounds, encoded, stored, decoded, full=True, begun=lease.begun)
        return self._with_rules(lease, self._obey_newest_registry(lease, bound))

    def bind_next(self, lease: batches.StreamLease, limits: BatchLimits) -> batch.BoundBatch | None:
        """Bind the next batch: its bounds and its plan are in Redis before anything is done with it.

        Returns:
            The batch, or None if no entry waits, or if drains are paused.

        Raises:
            RecoverableError: Redis is away, or has no registry or rules while ClickHouse is away, too.
            LeaseLostError: another drainer took the stream over.
        """
        planned = pause.newest(self._client)
        if planned is None:
            return None
        try:
            return self._bind_next(lease, limits, planned)
        except pause.PausedError:
            return None

    def _bind_next(
        self, lease: batches.StreamLease, limits: BatchLimits, planned: int
    ) -> batch.BoundBatch | None:
        found = self._queue.read(lease.stream, max_bytes=limits.max_bytes, max_payloads=limits.max_payloads)
        if not found:
            return None
        latest_ms = clocks.latest_ms(self._client)
        available = batch.dated(found, latest_ms)
        decoded = batch.decode_entries(available)
        kept = batch.cut(available, decoded, limits.max_reports)
        stored, decoded = available[:kept], decoded.until(available[kept - 1].id)
        snapshot, common = self._registry(), self._rules.now()
        counts = batch.project_counts(stored)
        plan = plans.make_plan(decoded.entries, snapshot, self._admit, latest_ms, counts, noise=common.sha256)
        candidates = retries.candidates(lease.stream, decoded.entries, plan)
        plan, counted_reports = retries.decide(
            plan, candidates, lambda keys: retry_memory.find(self._client, lease.stream, keys)
        )
        full = kept < len(available) or batch.is_full(stored, limits)
        failpoints.hit("before_bounds")
        bounds = batch_bounds.BatchBounds(stored[0].id, stored[-1].id, plan)
        encoded = batch_bounds.encode(bounds)
        self._queue.bind(lease, encoded, planned=planned)
        failpoints.hit("after_bounds")
        bound = batch.BoundBatch(
            bounds, encoded, stored, decoded, full=full, counted_reports=counted_reports, common=common
        )
        return self._obey_newest_registry(lease, bound)

    def _obey_newest_registry(self, lease: batches.StreamLease, bound: batch.BoundBatch) -> batch.BoundBatch:
        """Bind a batch again if what it must leave out changed before anything of it was stored.

        A removal relies on it: see ``storage.removal.underway``.
        """
        while not bound.begun:
            known = bound.bounds.plan.registry
            if registry.read_version(self._client) in (None, known):
                break
            snapshot = self._registry()
            if snapshot.version == known:
                break
            plan = plans.narrowed(bound.bounds.plan, snapshot, batch.project_counts(bound.stored))
            bounds = msgspec.structs.replace(bound.bounds, plan=plan)
            encoded = batch_bounds.encode(bounds)
            self._queue.bind(lease, encoded)
            bound = bound._replace(bounds=bounds, encoded=encoded)
        return bound

    def _with_rules(self, lease: batches.StreamLease, bound: batch.BoundBatch) -> batch.BoundBatch:
        """Return a batch with the rules file that its plan names.

        Where nobody has that file any more, a batch of which nothing is stored is bound to the file in force.
        """
        try:
            return bound._replace(common=self._rules.of(bound.bounds.plan.noise))
        except rules_in_force.NoRulesError as error:
            if bound.begun:
                raise
            log.warning("batch_bound_to_other_rules", stream=lease.stream, error=str(error))
        common = self._rules.now()
        plan = msgspec.structs.replace(bound.bounds.plan, noise=common.sha256)
        bounds = msgspec.structs.replace(bound.bounds, plan=plan)
        encoded = batch_bounds.encode(bounds)
        self._queue.bind(lease, encoded)
        return bound._replace(bounds=bounds, encoded=encoded, common=common)

    def _registry(self) -> model.Snapshot:
        snapshot = registry.read_snapshot(self._client)
        if snapshot is None:
            raise NoRegistryError("Redis holds no project registry yet: maintenance publishes it.")
        return snapshot
