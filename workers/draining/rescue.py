"""What is done about a batch that fails: it is bound again without what makes it fail, and the rest goes on.

Nothing that befell it from outside is held against its payloads, see ``docs/adr/0015-interruptions.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from storage import errors
from storage.servers import clickhouse
from storage.tables import writer
from workers import pipeline
from workers.draining import batch
from workers.failures import interruption
from workers.poison import forked_search, search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.queue import envelope, streams

log = structlog.get_logger(__name__)

REFUSABLE: Final = ("policies", "reports")
"""Tables with columns that senders fill, in the order of their inserts, which are the first; the other tables
hold what Headrace itself makes up."""
AGAIN: Final = 3
"""So often in one drain a batch that failed is repeated although nothing is found in it."""
PATIENCE: Final = 20
"""After so many drains that failed, a batch of one entry fails for a reason that no trial shows."""


class RefusedRowsError(errors.InsertRefusedError):
    """ClickHouse refuses rows that senders fill, before anything of the batch was counted."""


class MadeBeforeError(errors.RecoverableError):
    """A payload takes processes down that was made into rows before: it is not the payload that changed."""


class BrokenError(errors.HeadraceError):
    """Something in a batch makes a stage fail."""


class Rescue:
    """Finds what makes batches fail.

    Args:
        queue: the queue's drainer side.
        server: a ClickHouse connection of this thread.
    """

    def __init__(self, queue: streams.Queue, server: clickhouse.Connection) -> None:
        self._queue = queue
        self._server = server

    def suspected(self, lease: streams.ShardLease, work: batch.Work) -> batch.Work:
        """Return a batch that may take processes down, less the payloads that do.

        If none does, half of it: it may be too much at once. Where that cannot be, it is repeated as it is,
        unless its rows were never made, and making them takes the process down each time.

        Raises:
            RecoverableError: no trial can be made now, or what is found was made into rows before.
            LeaseLostError: another drainer took the shard.
        """
        trial, entries = _rows_of(work), work.decoded.entries
        known = work.bounds.plan.poison
        found = forked_search.poison_payloads(lease.shard, entries, trial, known)
        log.warning("batch_suspected", shard=lease.shard, first=work.bounds.first, payloads=len(found))
        if found and work.begun:
            raise MadeBeforeError(f"Rows cannot be made that were made before: {next(iter(found.values()))}")
        if found or batch.can_be_halved(work.decoded, begun=work.begun):
            return self._less(lease, work, found, begun=work.begun)
        if work.begun:
            return work
        if known:  # leaving those out has not helped
            found = forked_search.poison_payloads(lease.shard, entries, trial)
        if not found and not forked_search.fails(entries, trial):
            return work
        return self._less(lease, work, found, begun=False)

    def without_poison(
        self, lease: streams.ShardLease, work: batch.Work, error: errors.HeadraceError, failures: int
    ) -> batch.Work:
        """Bind a batch that failed again without what makes it fail, see ``batch.less``.

        Where a trial passes on the whole batch, it is repeated as it is: what failed is over. What fails more
        than ``AGAIN`` times has a cause that the trial does not show: it is halved. A single entry waits, for
        up to ``PATIENCE`` drains; but ClickHouse's limit on the partitions of a block never passes.

        The rows of a batch whose inserts have begun were made before: it waits until they can be made again.
        Rows that are refused are not stored, whether or not the inserts have begun: of the same rows a server
        says the same each time. Warning: not so if its rules changed between storing them and the commit.

        Args:
            lease: of its shard.
            work: the batch.
            error: ``BrokenError`` or ``RefusedRowsError``; raised again where nothing can be done.
            failures: how often it failed in this drain.

        Raises:
            RecoverableError: no trial can be made now.
            LeaseLostError: another drainer took the shard.
        """
        if not work.decoded.entries:
            raise error
        broken = isinstance(error, BrokenError)
        log.error("batch_failed", shard=lease.shard, first=work.bounds.first, exc_info=error)
        trial = _rows_of(work) if broken else self._probe_of(lease, work)
        entries, known = work.decoded.entries, work.bounds.plan.poison
        with interruption.allowed():
            found = search.poison_payloads(
                lease.shard, entries, trial, ordinary_must_pass=broken, known=known
            )
        if found is None and failures <= AGAIN:
            return work
        if known and found is None:  # leaving those out has not helped
            with interruption.allowed():
                found = search.poison_payloads(lease.shard, entries, trial, ordinary_must_pass=broken)
        begun = broken and work.begun
        if begun or not (found or self._is_to_blame(lease, work, error, trial)):
            raise error
        if not found and not batch.can_be_halved(work.decoded, begun=begun):
            with interruption.allowed():
                found = search.failing_beside_others(lease.shard, work.decoded.entries, trial)
        return self._less(lease, work, found or {}, begun=begun)

    @staticmethod
    def _is_to_blame(
        lease: streams.ShardLease, work: batch.Work, error: errors.HeadraceError, trial: search.Trial
    ) -> bool:
        """Say whether a batch may be bound anew for failing only as a whole."""
        if batch.can_be_halved(work.decoded, begun=False):
            return True  # which harms nobody
        if clickhouse.TOO_MANY_PARTITIONS in str(error) or lease.attempts > PATIENCE:
            return True
        with interruption.allowed():
            return search.fails_always(work.decoded.entries, trial)

    def _probe_of(self, lease: streams.ShardLease, work: batch.Work) -> search.Trial:
        """Return the trial that a payload passes when ClickHouse would take its rows."""

        def trial(entries: Sequence[envelope.Entry]) -> None:
            tables = pipeline.process(lease.shard, entries, work.bounds.plan)
            for table in REFUSABLE:
                writer.probe(self._server, table, getattr(tables, table))

        return trial

    def _less(
        self, lease: streams.ShardLease, work: batch.Work, found: Mapping[str, str], *, begun: bool
    ) -> batch.Work:
        """Bind the batch again without these payloads, by receipt with their errors, see ``batch.less``."""
        bounds = batch.less(lease.shard, work.bounds, work.decoded, found, begun=begun)
        stored = batch.until(work.stored, bounds.last)
        log.warning("payloads_set_aside", shard=lease.shard, first=bounds.first, payloads=len(found))
        encoded = batch.encode_bounds(bounds)
        self._queue.bind(lease, encoded)
        full = work.full or len(stored) < len(work.stored)
        return batch.Work(bounds, encoded, stored, batch.decode_entries(stored, bounds.damaged), full=full)


def _rows_of(work: batch.Work) -> search.Trial:
    """Return the trial that a payload passes when it can be made into rows."""
    return lambda entries: pipeline.process(0, entries, work.bounds.plan)
