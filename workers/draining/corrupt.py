"""Stream entries that cannot be decoded: they are counted, and kept in the quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from storage.queue import envelope
from workers.model import batch_plan, outcomes, report
from workers.rows import quarantine, receipts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workers.draining import batch
    from workers.model import columns as rows

_INVALID: Final = outcomes.OutcomeKey("", outcomes.Outcome.INVALID.value, outcomes.Reason.CORRUPT_ENTRY.value)


def add(
    columns: Mapping[str, rows.Columns],
    counts: Mapping[str, dict[int, int]],
    stream: int,
    entries: Iterable[batch.Corrupt],
    plan: batch_plan.Plan,
) -> None:
    """Add undecodable entries to the rows of a batch: one quarantine row each, every payload ``invalid``.

    Args:
        columns: the rows by table.
        counts: the counts by project, under ``found`` and ``quarantined``.
        stream: number of the stream of the batch.
        entries: the entries that cannot be decoded.
        plan: the plan of the batch; the payloads of deleted projects are left out.
    """
    counted, noted = outcomes.OutcomeCounts(), receipts.Receipts(stream, ())
    kept = quarantine.Quarantine(numbered=plan.numbered)
    for stored, error in entries:
        noted.add_undecodable(stored.id, stored.project_counts, _INVALID)
        living = {
            project_id: payloads
            for project_id, payloads in stored.project_counts.items()
            if project_id not in plan.deleted
        }
        for project_id, payloads in living.items():
            counted.add({stored.received_ms: 1}, _account(project_id), {_INVALID: payloads})
            counts["found"][project_id] = counts["found"].get(project_id, 0) + payloads
        if living or not stored.project_counts:
            delivery = stored.received_ms, envelope.receipt(stream, stored.id, 0)
            reason = report.invalid(outcomes.Reason.CORRUPT_ENTRY, error=error)
            kept.add_entry(_account(next(iter(living), 0)), delivery, stored.value, reason)
    for project_id, number in kept.quarantined.items():
        counts["quarantined"][project_id] = counts["quarantined"].get(project_id, 0) + number
    for table, collector in (("outcomes", counted), ("receipts", noted), ("quarantine", kept)):
        _extend(columns[table], collector.columns())


def _account(project_id: int) -> outcomes.Account:
    """Return the account of a payload of which nothing is known but its project."""
    return outcomes.Account(project_id, "", "", "")


def _extend(columns: rows.Columns, more: Mapping[str, list[Any]]) -> None:
    for name, values in columns.items():
        values.extend(more[name])
