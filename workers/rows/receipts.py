"""Receipts: what became of each payload, in one row of the table ``receipts`` for each stream entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage.queue import entry_ids
from workers.model import outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.queue import envelope
    from workers.model import columns
    from workers.rows import deliveries

_Cell = tuple[int, int, int]
"""The notes on one payload: project id, accepted reports, fingerprint."""
_Rejection = tuple[int, str, str, int]
"""Index of a payload, and of some of its reports the outcome, the reason and the number."""

_UNSEEN: Final = (0, 0, 0)
_ACCEPTED: Final = outcomes.Outcome.ACCEPTED.value


class Receipts:
    """Collects what became of the payloads of one batch.

    Args:
        stream: number of the stream of the batch.
        entries: the entries of the batch; each of their payloads is to be added.
    """

    def __init__(self, stream: int, entries: Sequence[envelope.Entry]) -> None:
        self._stream = stream
        self._cells: dict[str, list[_Cell]] = {}
        for entry in entries:
            # A search for poison payloads takes entries apart, so that the same one comes several times.
            cells = self._cells.setdefault(entry.id, [])
            cells += [_UNSEEN] * (len(entry.payloads) - len(cells))
        self._rejections: dict[str, list[_Rejection]] = {}

    def add(
        self,
        project_id: int,
        received: deliveries.Deliveries,
        outcome_counts: Mapping[outcomes.OutcomeKey, int],
        fingerprint: int,
    ) -> None:
        """Note what became of a payload for each time it was received.

        Args:
            project_id: the project of the payload.
            received: the deliveries of the payload.
            outcome_counts: how many of its reports are counted in which way.
            fingerprint: the fingerprint of its first accepted report; 0 if there is none.
        """
        accepted = 0
        rejected: dict[tuple[str, str], int] = {}
        for (_, outcome, reason), reports in outcome_counts.items():
            if outcome == _ACCEPTED:
                accepted += reports
            else:
                rejected[outcome, reason] = rejected.get((outcome, reason), 0) + reports
        cells, cell = self._cells, (project_id, accepted, fingerprint)
        for _, entry_id, position, _ in received.each:
            cells[entry_id][position] = cell
        if rejected:
            self._reject(received, rejected)

    def add_undecodable(
        self, entry_id: str, project_counts: Mapping[int, int], outcome_key: outcomes.OutcomeKey
    ) -> None:
        """Note an entry that cannot be decoded, and all of whose payloads had the same outcome.

        Args:
            entry_id: the entry.
            project_counts: how many payloads it holds of each project.
            outcome_key: how each of the payloads is counted, as one report.
        """
        projects = [project for project, payloads in project_counts.items() for _ in range(payloads)]
        self._cells[entry_id] = [(project, 0, 0) for project in projects]
        _, outcome, reason = outcome_key
        self._rejections[entry_id] = [(position, outcome, reason, 1) for position in range(len(projects))]

    def columns(self) -> columns.Columns:
        """Return the rows of the table ``receipts``."""
        ids = [entry_ids.parse(entry_id) for entry_id in self._cells]
        turned = [_turned(cells) for cells in self._cells.values()]
        rejected = [_turned_rejections(self._rejections.get(entry_id)) for entry_id in self._cells]
        return {
            "shard": [self._stream] * len(ids),
            "ms": [entry_id.ms for entry_id in ids],
            "seq": [entry_id.seq for entry_id in ids],
            "project_id": [projects for projects, _, _ in turned],
            "accepted": [accepted for _, accepted, _ in turned],
            "fingerprint": [fingerprints for _, _, fingerprints in turned],
            "rejected_payload": [payloads for payloads, _, _, _ in rejected],
            "rejected_outcome": [found for _, found, _, _ in rejected],
            "rejected_reason": [reasons for _, _, reasons, _ in rejected],
            "rejected_reports": [reports for _, _, _, reports in rejected],
        }

    def _reject(self, received: deliveries.Deliveries, rejected: Mapping[tuple[str, str], int]) -> None:
        """Note the outcomes of the reports of a payload that were not accepted."""
        for _, entry_id, position, _ in received.each:
            noted = self._rejections.setdefault(entry_id, [])
            noted += [(position, *why, reports) for why, reports in rejected.items()]


def _turned(cells: list[_Cell]) -> Sequence[tuple[int, ...]]:
    """Return a tuple for each column instead of one for each payload."""
    return list(zip(*cells, strict=True)) or ((), (), ())


def _turned_rejections(rejections: list[_Rejection] | None) -> Sequence[tuple[int | str, ...]]:
    return list(zip(*sorted(rejections), strict=True)) if rejections else ((), (), (), ())
