"""Stores rows of the quarantine again: each once, and each leaves the quarantine, even after a kill.

Rows are appended and noted in one step, then removed, then the notes are removed. A replay that finds notes
of an earlier one removes those rows first (``storage.quarantine.custody``).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from deploy.projects import published
from deploy.replay import reingest
from storage import errors
from storage.quarantine import custody, resubmission
from storage.queue import envelope
from storage.tables import receipts
from workers.model import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import redis

    from storage.projects import model
    from storage.quarantine import quarantined
    from storage.servers import clickhouse, leases

Kept = dict[str, str]
"""A row that stays in the quarantine: its ``receipt``, and the ``reason``."""

_DONE: Final = "1"


class _Item(NamedTuple):
    """The rows with one name, and the payloads that they hold together."""

    rows: Sequence[quarantined.QuarantineRow]
    payloads: list[envelope.Payload]

    @property
    def size(self) -> int:
        return sum(len(row.raw) for row in self.rows)


class Requeue:
    """One replay of rows of the quarantine.

    Args:
        server: a connection of a user who may delete rows.
        client: the queue's Redis.
        sink: stores the payloads.
        lease: the lease on the quarantine.

    Attributes:
        receipts: the receipts of the payloads that were stored.
        kept: the rows that were not stored, each with the reason.
    """

    def __init__(
        self,
        server: clickhouse.Connection,
        client: redis.Redis,
        sink: reingest.Sink,
        lease: leases.ProcessLease,
    ) -> None:
        self._server = server
        self._client = client
        self._sink = sink
        self._lease = lease
        self._snapshot = published.read(client)
        self.receipts: list[str] = []
        self.kept: list[Kept] = []

    def store(self, page: Iterable[quarantined.QuarantineRow]) -> list[Kept]:
        """Store the rows of a page again and remove them; return those that stay.

        Raises:
            LeaseLostError: this process was suspended, and another one replays now.
            RecoverableError: Redis or ClickHouse did not answer; another replay continues from here.
        """
        before = len(self.kept)
        for items in reingest.cut(self._items(page), lambda item: (len(item.payloads), item.size)):
            self._store(items)
        return self.kept[before:]

    def _items(self, page: Iterable[quarantined.QuarantineRow]) -> Iterator[_Item]:
        named: dict[quarantined.Name, list[quarantined.QuarantineRow]] = {}
        for row in page:
            named.setdefault(row.name, []).append(row)
        for rows in named.values():
            try:
                yield _Item(rows, [payload for row in rows for payload in payloads(row)])
            except errors.EnvelopeError as error:
                self._keep(rows, str(error))

    def _store(self, items: list[_Item]) -> None:
        """Append some rows, and remove them from the quarantine; again if the registry changes meanwhile."""
        while items := [item for item in items if self._is_taken(item)]:
            names = [item.rows[0].name for item in items]
            source = resubmission.Source(
                version=self._snapshot.version,
                key=resubmission.REPLAYED_KEY,
                notes=[resubmission.Note(str(name), "", _DONE) for name in names],
                lease=self._lease,
                counts=_counts(items),
            )
            try:
                self.receipts += self._sink.store([one for item in items for one in item.payloads], source)
            except resubmission.StaleRegistryError:
                self._snapshot = published.read(self._client)
                continue
            custody.release(self._server, self._client, names)
            return

    def _is_taken(self, item: _Item) -> bool:
        """Tell whether all projects of a row take reports; if not, the row stays."""
        for payload in item.payloads:
            if payload.project_id not in self._snapshot.active:
                self._keep(item.rows, _refusal(self._snapshot, payload.project_id))
                return False
        return True

    def _keep(self, rows: Sequence[quarantined.QuarantineRow], reason: str) -> None:
        self.kept += [{"receipt": row.receipt, "reason": reason} for row in rows]


def _refusal(snapshot: model.Snapshot, project_id: int) -> str:
    status = {project.id: project.status for project in snapshot.projects}.get(project_id)
    if status is None:
        return f"There is no project {project_id}."
    return f"Project {project_id} is {status}: it takes no reports."


def _counts(items: Iterable[_Item]) -> dict[str, int]:
    """Return the counts for the ledger: numbered rows by project."""
    rows = Counter(row.project_id for item in items for row in item.rows if row.item)
    return {f"replayed:{project_id}": count for project_id, count in rows.items()}


def payloads(row: quarantined.QuarantineRow) -> list[envelope.Payload]:
    """Return the payloads of a row: one payload or a part of it, or all payloads of a damaged entry.

    They count for the reach of the day of the replay, each for the sender who sent it first.

    Raises:
        EnvelopeError: the entry still cannot be decoded.
    """
    if row.reason == outcomes.Reason.CORRUPT_ENTRY:
        entry = envelope.decode(receipts.Receipt.parse(row.receipt).entry_id, row.raw)
        # Without a sender: a payload that an operator stores again is no retry of a browser, and counts.
        return [msgspec.structs.replace(payload, sender=0) for payload in entry.payloads]
    return [
        envelope.Payload(
            project_id=row.project_id,
            key="",
            environment=row.environment,
            release=row.release,
            user_agent="",
            content_type="",
            flags=0,
            body=row.raw,
            slot=row.slot,
        )
    ]
