"""One batch: the entries of a stream that are processed, inserted and committed together."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from storage import errors
from storage.queue import entry_ids, envelope
from workers.reading import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.queue import retry_memory, streams
    from workers.draining import batch_limits
    from workers.draining import bounds as batch_bounds
    from workers.noise import rules_file


class Corrupt(NamedTuple):
    """An entry that cannot be decoded, and why."""

    stored: streams.StoredEntry
    error: str


class DecodedBatch(NamedTuple):
    """The entries of a batch: those that could be decoded, and those that could not."""

    entries: list[envelope.Entry]
    corrupt: list[Corrupt]

    @property
    def ids(self) -> list[str]:
        """The ids of all entries, in the order of the stream."""
        ids = [entry.id for entry in self.entries] + [corrupt.stored.id for corrupt in self.corrupt]
        return sorted(ids, key=entry_ids.parse)

    def until(self, last: str) -> DecodedBatch:
        """Return the part that ends with the entry of this id."""
        end = entry_ids.parse(last)
        return DecodedBatch(
            [entry for entry in self.entries if entry_ids.parse(entry.id) <= end],
            [corrupt for corrupt in self.corrupt if entry_ids.parse(corrupt.stored.id) <= end],
        )


class BoundBatch(NamedTuple):
    """A batch whose bounds are in Redis.

    Attributes:
        bounds: the bounds.
        encoded: the bounds as Redis holds them; the commit compares them.
        stored: the entries of the batch as they lie in the stream.
        decoded: the same entries, decoded.
        full: whether a limit cut it off, so that more entries wait behind it.
        begun: whether an earlier drainer may have inserted some of its rows; its bounds may then not change.
        counted_reports: its reports that may have retries, by key, where they are known already.
        common: the rules file that its plan names; None for the one that is shipped.
    """

    bounds: batch_bounds.BatchBounds
    encoded: bytes
    stored: Sequence[streams.StoredEntry]
    decoded: DecodedBatch
    full: bool
    begun: bool = False
    counted_reports: Mapping[int, retry_memory.CountedReport] | None = None
    common: rules_file.RulesFile | None = None


def dated(stored: Sequence[streams.StoredEntry], latest_ms: int) -> list[streams.StoredEntry]:
    """Return these entries, none of them received later than ``latest_ms``.

    No payload can be received after its batch is bound; a later time of receipt comes from a wrong clock.

    Args:
        stored: entries of a batch.
        latest_ms: when the batch was bound, by its plan; 0, as in plans of earlier releases, changes nothing.
    """
    return [
        item._replace(received_ms=latest_ms) if 0 < latest_ms < item.received_ms else item for item in stored
    ]


def decode_entries(
    stored: Sequence[streams.StoredEntry], damaged: Mapping[str, str] = MappingProxyType({})
) -> DecodedBatch:
    """Decode what can be decoded; a corrupt entry never takes its neighbours with it.

    Args:
        stored: entries of a batch.
        damaged: the error of each entry that is treated as corrupt, by id.
    """
    entries: list[envelope.Entry] = []
    corrupt: list[Corrupt] = []
    for item in stored:
        if item.id in damaged:
            corrupt.append(Corrupt(item, damaged[item.id]))
            continue
        try:
            entries.append(envelope.decode(item.id, item.value)._replace(dated_ms=item.received_ms))
        except errors.EnvelopeError as error:
            corrupt.append(Corrupt(item, str(error)))
    return DecodedBatch(entries, corrupt)


def reports_at_most(body: bytes) -> int:
    """Return an upper bound of the reports in a body, cheaply: each report has an opening brace."""
    return min(body.count(b"{"), decode.MAX_ITEMS) if body.lstrip()[:1] == b"[" else 1


def cut(stored: Sequence[streams.StoredEntry], decoded: DecodedBatch, most: int) -> int:
    """Return how many of the stored entries, at least one, hold at most ``most`` reports together."""
    by_id = {entry.id: entry for entry in decoded.entries}
    reports = 0
    for position, item in enumerate(stored):
        entry = by_id.get(item.id)
        reports += sum(reports_at_most(payload.body) for payload in entry.payloads) if entry else 1
        if reports > most and position:
            return position
    return len(stored)


def until(stored: Sequence[streams.StoredEntry], last: str) -> list[streams.StoredEntry]:
    """Return the part of some entries that ends with the entry of this id."""
    end = entry_ids.parse(last)
    return [item for item in stored if entry_ids.parse(item.id) <= end]


def is_full(stored: Sequence[streams.StoredEntry], limits: batch_limits.BatchLimits) -> bool:
    """Say whether a batch reached half of its limits: a backlog fills that, a trickle does not."""
    payloads = sum(project_counts(stored).values())
    size = sum(len(item.value) for item in stored)
    return payloads * 2 > limits.max_payloads or size * 2 > limits.max_bytes


def project_counts(stored: Sequence[streams.StoredEntry]) -> dict[int, int]:
    """Return how many payloads a batch holds, by project."""
    total: Counter[int] = Counter()
    for item in stored:
        total.update(item.project_counts)
    return dict(total)


def payload_costs(entries: Sequence[envelope.Entry], seconds: float) -> dict[int, int]:
    """Return how many microseconds a payload of each project took, if these entries took so many seconds.

    The time of a batch is divided by bytes: how long each project's part took is not known. Projects with at
    most half of the bytes are left out.
    """
    payloads: Counter[int] = Counter()
    sizes: Counter[int] = Counter()
    for entry in entries:
        for payload in entry.payloads:
            payloads[payload.project_id] += 1
            sizes[payload.project_id] += len(payload.body)
    us_per_byte = seconds * 1e6 / max(1, sizes.total())
    return {
        project: int(us_per_byte * size / payloads[project])
        for project, size in sizes.items()
        if size * 2 > sizes.total()
    }
