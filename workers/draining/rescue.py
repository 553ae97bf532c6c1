"""The rescue of a batch that fails: it is bound again without what makes it fail, and the rest of it goes on.

Payloads are not blamed for what came from outside, see ``docs/adr/0015-interruptions.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from storage import errors
from storage.servers import clickhouse
from storage.tables import writer
from workers import pipeline
from workers.draining import batch, reduction
from workers.draining import bounds as batch_bounds
from workers.failures import interruption
from workers.poison import forked_search, search

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from storage.queue import batches, envelope

log = structlog.get_logger(__name__)

REFUSABLE: Final = ("policies", "finding_days", "policy_days", "reports", "archived")
"""Tables with columns that senders fill, in the order of their inserts, which are the first. All columns of
the other tables are filled by Headrace itself."""
MOST_REPEATS: Final = 3
"""A batch in which the search finds nothing is repeated this often in one drain."""
MOST_DRAINS: Final = 20
"""After so many drains that failed, a batch of one entry fails for a reason that no trial shows."""


class RefusedRowsError(errors.InsertRefusedError):
    """ClickHouse refuses rows that senders fill, before anything of the batch was counted."""


class MadeBeforeError(errors.RecoverableError):
    """A payload takes processes down although its rows were made before: the payload did not change since."""


class BrokenError(errors.HeadraceError):
    """A stage fails on something in a batch."""


class Rescue:
    """Finds what makes batches fail.

    Args:
        queue: the queue's drainer side.
        server: a ClickHouse connection of this thread.
    """

    def __init__(self, queue: batches.Queue, server: clickhouse.Connection) -> None:
        self._queue = queue
        self._server = server

    def suspected(self, lease: batches.StreamLease, bound: batch.BoundBatch) -> batch.BoundBatch:
        """Return a batch that may take processes down, without the payloads that do.

        If no payload does, half of the batch: the whole may be too much for the machine. A batch that cannot
        be halved is repeated as it is, unless its rows were never made and making them takes the process down
        each time.

        Raises:
            RecoverableError: no trial can be made now, or the rows of what was found were made before.
            LeaseLostError: another drainer took the stream over.
        """
        trial, entries = _rows_trial(bound), bound.decoded.entries
        known = bound.bounds.plan.poison
        found = forked_search.poison_payloads(lease.stream, entries, trial, known)
        log.warning("batch_suspected", stream=lease.stream, first=bound.bounds.first, payloads=len(found))
        if found and bound.begun:
            raise MadeBeforeError(f"Rows cannot be made that were made before: {next(iter(found.values()))}")
        if found or reduction.can_be_halved(bound.decoded, begun=bound.begun):
            return self._reduce(lease, bound, found, begun=bound.begun)
        if bound.begun:
            return bound
        if known:  # it did not help to leave them out
            found = forked_search.poison_payloads(lease.stream, entries, trial)
        if not found and not forked_search.fails(entries, trial):
            return bound
        return self._reduce(lease, bound, found, begun=False)

    def without_poison(
        self, lease: batches.StreamLease, bound: batch.BoundBatch, error: errors.HeadraceError, failures: int
    ) -> batch.BoundBatch:
        """Bind a batch that failed again without what makes it fail, see ``reduction.reduced``.

        A batch is repeated as it is where the trial of all of it passes: the failure is over. A batch that
        fails more than ``MOST_REPEATS`` times all the same has a cause that the trial does not show, and is
        halved. A single entry waits for up to ``MOST_DRAINS`` drains; but ClickHouse's limit on the
        partitions of a block never passes.

        Args:
            lease: the lease of the stream.
            bound: the batch.
            error: ``BrokenError`` or ``RefusedRowsError``; raised again where nothing can be done.
            failures: how often the batch failed in this drain.

        Raises:
            RecoverableError: no trial can be made now.
            LeaseLostError: another drainer took the stream over.
        """
        if not bound.decoded.entries:
            raise error
        log.error("batch_failed", stream=lease.stream, first=bound.bounds.first, exc_info=error)
        broken = isinstance(error, BrokenError)
        trial = _rows_trial(bound) if broken else self._insert_trial(lease, bound)
        found = _search(lease, bound, trial, ordinary_must_pass=broken, known=bound.bounds.plan.poison)
        if found is None and failures <= MOST_REPEATS:
            return bound
        if bound.bounds.plan.poison and found is None:  # it did not help to leave them out
            found = _search(lease, bound, trial, ordinary_must_pass=broken)
        return self._without(lease, bound, found or {}, trial, error)

    def _without(
        self,
        lease: batches.StreamLease,
        bound: batch.BoundBatch,
        found: Mapping[str, str],
        trial: search.Trial,
        error: errors.HeadraceError,
    ) -> batch.BoundBatch:
        """Bind a batch without the payloads that were found, or without another part, or raise the error.

        The rows of a batch whose inserts have begun were made before: it waits until they can be made again.
        Rows that are refused are not stored, whether or not the inserts have begun: of the same rows a server
        says the same each time. Warning: not so if its rules changed between storing them and the commit.
        """
        begun = isinstance(error, BrokenError) and bound.begun
        if begun or not (found or self._fails_as_a_whole(lease, bound, error, trial)):
            raise error
        if not found and not reduction.can_be_halved(bound.decoded, begun=begun):
            with interruption.allowed():
                found = search.failing_beside_others(lease.stream, bound.decoded.entries, trial)
        return self._reduce(lease, bound, found, begun=begun)

    @staticmethod
    def _fails_as_a_whole(
        lease: batches.StreamLease, bound: batch.BoundBatch, error: errors.HeadraceError, trial: search.Trial
    ) -> bool:
        """Say whether a batch in which no payload fails alone is to be reduced all the same."""
        if reduction.can_be_halved(bound.decoded, begun=False):
            return True  # halving harms no report
        if clickhouse.TOO_MANY_PARTITIONS in str(error) or lease.attempts > MOST_DRAINS:
            return True
        with interruption.allowed():
            return search.fails_always(bound.decoded.entries, trial)

    def _insert_trial(self, lease: batches.StreamLease, bound: batch.BoundBatch) -> search.Trial:
        """Return the trial that a payload passes when ClickHouse would take its rows."""

        def trial(entries: Sequence[envelope.Entry]) -> None:
            tables = pipeline.process(lease.stream, entries, bound.bounds.plan, common=bound.common)
            for table in REFUSABLE:
                writer.probe(self._server, writer.STORED_IN.get(table, table), getattr(tables, table))

        return trial

    def _reduce(
        self, lease: batches.StreamLease, bound: batch.BoundBatch, found: Mapping[str, str], *, begun: bool
    ) -> batch.BoundBatch:
        """Bind a batch again without these payloads (errors by receipt), see ``reduction.reduced``."""
        bounds = reduction.reduced(lease.stream, bound.bounds, bound.decoded, found, begun=begun)
        stored = batch.until(bound.stored, bounds.last)
        log.warning("batch_reduced", stream=lease.stream, first=bounds.first, payloads=len(found))
        encoded = batch_bounds.encode(bounds)
        self._queue.bind(lease, encoded)
        full = bound.full or len(stored) < len(bound.stored)
        decoded = batch.decode_entries(stored, bounds.damaged)
        return batch.BoundBatch(bounds, encoded, stored, decoded, full=full, common=bound.common)


def _search(
    lease: batches.StreamLease,
    bound: batch.BoundBatch,
    trial: search.Trial,
    *,
    ordinary_must_pass: bool,
    known: Container[str] = (),
) -> dict[str, str] | None:
    with interruption.allowed():
        return search.poison_payloads(
            lease.stream, bound.decoded.entries, trial, ordinary_must_pass=ordinary_must_pass, known=known
        )


def _rows_trial(bound: batch.BoundBatch) -> search.Trial:
    """Return the trial that a payload passes when it can be made into rows."""
    return lambda entries: pipeline.process(0, entries, bound.bounds.plan, common=bound.common)
