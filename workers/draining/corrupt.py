"""Stream entries that cannot be decoded: they are counted, and kept in the quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.queue import entry_ids, envelope
from workers.model import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workers import pipeline
    from workers.draining import batch


def add(
    columns: dict[str, dict[str, list[Any]]],
    counts: Mapping[str, dict[int, int]],
    shard: int,
    entries: Iterable[batch.Corrupt],
    plan: pipeline.Plan,
) -> None:
    """Add undecodable entries to the rows of a batch: one quarantine row each, every payload ``invalid``.

    Args:
        columns: the rows by table.
        counts: what is counted by project, under ``found`` and ``quarantined``.
        shard: of the batch.
        entries: those that cannot be decoded.
        plan: of the batch; what belongs to projects that were deleted is left out.
    """
    found, quarantined = counts["found"], counts["quarantined"]
    for stored, error in entries:
        received_ms = stored.received_ms
        living = {
            project_id: payloads
            for project_id, payloads in stored.project_counts.items()
            if project_id not in plan.deleted
        }
        for project_id, payloads in living.items():
            found[project_id] = found.get(project_id, 0) + payloads
            _append(
                columns["outcomes"],
                minute=received_ms // 60_000 * 60,
                project_id=project_id,
                key="",
                environment="",
                release="",
                kind="",
                outcome=outcomes.Outcome.INVALID,
                reason=outcomes.Reason.CORRUPT_ENTRY,
                quantity=payloads,
            )
        projects = [project for project, payloads in stored.project_counts.items() for _ in range(payloads)]
        _append(columns["receipts"], **_receipts(shard, stored.id, projects))
        if stored.project_counts and not living:
            continue
        owner = next(iter(living), 0)
        if plan.numbered:
            quarantined[owner] = quarantined.get(owner, 0) + 1
        _append(
            columns["quarantine"],
            received=received_ms,
            receipt=envelope.receipt(shard, stored.id, 0),
            project_id=owner,
            environment="",
            release="",
            reason=outcomes.Reason.CORRUPT_ENTRY,
            error=error,
            raw=stored.value,
            item=int(plan.numbered),
        )


def _receipts(shard: int, entry_id: str, projects: list[int]) -> dict[str, object]:
    """Return the row that says of each payload of an entry, by its project, that it was invalid."""
    ms, seq = entry_ids.parse(entry_id)
    none = [0] * len(projects)
    return {
        "shard": shard,
        "ms": ms,
        "seq": seq,
        "project_id": projects,
        "accepted": none,
        "fingerprint": none,
        "rejected_payload": list(range(len(projects))),
        "rejected_outcome": [outcomes.Outcome.INVALID.value] * len(projects),
        "rejected_reason": [outcomes.Reason.CORRUPT_ENTRY.value] * len(projects),
        "rejected_reports": [1] * len(projects),
    }


def _append(columns: dict[str, list[Any]], **row: object) -> None:
    for name, values in columns.items():
        values.append(row[name])
