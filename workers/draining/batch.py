"""One batch: which entries of a shard it is, and every decision that must not change when it is run again."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from storage import errors
from storage.projects import model, project_settings
from storage.queue import entry_ids, envelope
from workers import pipeline
from workers.reading import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from storage.projects import partitions
    from storage.queue import retry_memory, streams


class BatchBounds(msgspec.Struct, frozen=True):
    """What Redis remembers of a batch while it is worked on.

    Attributes:
        first: id of its first entry.
        last: id of its last entry.
        plan: the decisions that depend on more than the entries themselves.
        damaged: entries that are treated as corrupt, by id, and why: not even setting their payloads aside
            one by one helped.
    """

    first: str
    last: str
    plan: pipeline.Plan
    damaged: dict[str, str] = {}

    def token(self, shard: int, table: str) -> str:
        """Return the deduplication token of this batch's insert into a table."""
        return f"{shard}:{self.first}-{self.last}:{table}"


class Corrupt(NamedTuple):
    """An entry that cannot be decoded, and why."""

    stored: streams.StoredEntry
    error: str


class DecodedBatch(NamedTuple):
    """The entries of a batch: those that could be decoded, and those that could not."""

    entries: list[envelope.Entry]
    corrupt: list[Corrupt]

    def until(self, last: str) -> DecodedBatch:
        """Return the part that ends with the entry of this id."""
        end = entry_ids.parse(last)
        return DecodedBatch(
            [entry for entry in self.entries if entry_ids.parse(entry.id) <= end],
            [corrupt for corrupt in self.corrupt if entry_ids.parse(corrupt.stored.id) <= end],
        )


class Work(NamedTuple):
    """A batch under way.

    ``full`` says that a limit cut it off, so that more is waiting; ``begun`` that an earlier drainer may have
    inserted some of its rows, so that its bounds may not change any more. ``left`` is what it leaves to later
    ones of reports that may be sent again, where that is known already.
    """

    bounds: BatchBounds
    encoded: bytes
    stored: Sequence[streams.StoredEntry]
    decoded: DecodedBatch
    full: bool
    begun: bool = False
    left: Mapping[int, retry_memory.Seen] | None = None


class Admit(Protocol):
    """Says which (environment, release) pairs of a project are beyond its limit of live partitions."""

    def __call__(
        self, project_id: int, pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
    ) -> Mapping[partitions.Pair, str]:
        """Return the refused pairs, each with the environment under which its reports are kept."""


_decoder = msgspec.json.Decoder(BatchBounds)


def encode_bounds(bounds: BatchBounds) -> bytes:
    """Return the bounds as Redis holds them."""
    return msgspec.json.encode(bounds)


def decode_bounds(encoded: bytes) -> BatchBounds:
    """Return the bounds that an earlier drainer left."""
    return _decoder.decode(encoded)


def dated(stored: Sequence[streams.StoredEntry], latest_ms: int) -> list[streams.StoredEntry]:
    """Return these entries, none of them received later than that.

    Whatever clock said so, nothing is received after it is taken up.

    Args:
        stored: entries of a batch.
        latest_ms: of its plan; 0 for any time, as in plans of earlier releases.
    """
    return [
        item._replace(received_ms=latest_ms) if 0 < latest_ms < item.received_ms else item for item in stored
    ]


def decode_entries(
    stored: Sequence[streams.StoredEntry], damaged: Mapping[str, str] = MappingProxyType({})
) -> DecodedBatch:
    """Decode what can be decoded; a corrupt entry never takes its neighbours with it."""
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
    """Return an upper bound of the reports in a body, cheaply: no report without an opening brace."""
    return min(body.count(b"{"), decode.MAX_ITEMS) if body.lstrip()[:1] == b"[" else 1


def cut(stored: Sequence[streams.StoredEntry], entries: DecodedBatch, most: int) -> int:
    """Return how many of the stored entries, at least one, hold at most this many reports together."""
    by_id = {entry.id: entry for entry in entries.entries}
    reports = 0
    for position, item in enumerate(stored):
        entry = by_id.get(item.id)
        reports += sum(reports_at_most(payload.body) for payload in entry.payloads) if entry else 1
        if reports > most and position:
            return position
    return len(stored)


def costs(entries: Sequence[envelope.Entry], seconds: float) -> dict[int, int]:
    """Return the microseconds that each payload of a project took, if these entries took so many seconds.

    What a payload costs goes by its size: no more is known of one project's part of a batch. Of projects with
    less than half of the bytes nothing is said.
    """
    payloads: Counter[int] = Counter()
    sizes: Counter[int] = Counter()
    for entry in entries:
        for payload in entry.payloads:
            payloads[payload.project_id] += 1
            sizes[payload.project_id] += len(payload.body)
    each = seconds * 1e6 / max(1, sizes.total())
    return {
        project: int(each * size / payloads[project])
        for project, size in sizes.items()
        if size * 2 > sizes.total()
    }


def damaged_entries(shard: int, entries: DecodedBatch, found: Mapping[str, str]) -> dict[str, str]:
    """Return the entries of these payloads (errors by receipt), or all if there are no such payloads."""
    if not found:
        return {entry.id: "The entry makes its batch fail, but only as a whole." for entry in entries.entries}
    return {
        entry.id: found[receipt]
        for entry in entries.entries
        for index in range(len(entry.payloads))
        if (receipt := envelope.receipt(shard, entry.id, index)) in found
    }


def can_be_halved(entries: DecodedBatch, *, begun: bool) -> bool:
    """Say whether half of a batch may be bound in its place: of none whose inserts have begun."""
    return not begun and len(_ids(entries)) > 1


def less(
    shard: int, bounds: BatchBounds, entries: DecodedBatch, found: Mapping[str, str], *, begun: bool
) -> BatchBounds:
    """Return the bounds of a batch without what makes it fail.

    Payloads that fail alone are set aside. If none does, the batch is halved, unless some of its rows may be
    stored already: with other bounds they would get other tokens. When that does not help either, the entries
    concerned are treated as corrupt.

    Args:
        shard: of the batch.
        bounds: of the batch.
        entries: of the batch.
        found: the payloads that fail alone, by receipt, and why.
        begun: whether its inserts may have begun.
    """
    if not found.keys() <= bounds.plan.poison.keys():
        plan = msgspec.structs.replace(bounds.plan, poison={**bounds.plan.poison, **found})
        return msgspec.structs.replace(bounds, plan=plan)
    if not found and can_be_halved(entries, begun=begun):
        ids = _ids(entries)
        return msgspec.structs.replace(bounds, last=ids[len(ids) // 2 - 1])
    return msgspec.structs.replace(bounds, damaged=bounds.damaged | damaged_entries(shard, entries, found))


def until(stored: Sequence[streams.StoredEntry], last: str) -> list[streams.StoredEntry]:
    """Return the part of some entries that ends with the one of this id."""
    end = entry_ids.parse(last)
    return [item for item in stored if entry_ids.parse(item.id) <= end]


def _ids(entries: DecodedBatch) -> list[str]:
    """Return the ids of all entries, in the order of the stream."""
    ids = [entry.id for entry in entries.entries] + [corrupt.stored.id for corrupt in entries.corrupt]
    return sorted(ids, key=entry_ids.parse)


def make_plan(
    entries: Sequence[envelope.Entry],
    snapshot: model.Snapshot,
    admit: Admit,
    latest_ms: int,
    project_ids: Iterable[int] = (),
) -> pipeline.Plan:
    """Fix the decisions of a new batch: each project's settings, and which partitions are full.

    A project that the registry does not know keeps its reports, under default settings; what is left of one
    that was deleted is dropped.

    Args:
        entries: of the batch, ``dated``.
        snapshot: the registry.
        admit: asked for each project's partitions.
        latest_ms: after which nothing of the batch was received.
        project_ids: the projects of the batch, also those of entries that cannot be decoded.
    """
    projects = {project.id: project for project in snapshot.projects}
    deleted = _deleted(snapshot, project_ids)
    wanted: dict[int, dict[partitions.Pair, None]] = {}
    for entry in entries:
        for payload in entry.payloads:
            if payload.project_id in deleted:
                continue
            wanted.setdefault(payload.project_id, {})[payload.environment, payload.release] = None
    now_ms = max((entry.received_ms for entry in entries), default=0)
    plans = {}
    for project_id, pairs in wanted.items():
        project = projects.get(project_id)
        settings = project.settings if project else project_settings.ProjectSettings()
        refused = admit(project_id, list(pairs), most=settings.max_partitions, now_ms=now_ms)
        plans[project_id] = pipeline.ProjectPlan(
            settings=settings,
            overflow=tuple((*pair, environment) for pair, environment in refused.items()),
            removed_before=project.removed_before if project else 0,
        )
    return pipeline.Plan(
        projects=plans, latest_ms=latest_ms, deleted=deleted, registry=snapshot.version, numbered=True
    )


def narrowed(plan: pipeline.Plan, snapshot: model.Snapshot, project_ids: Iterable[int]) -> pipeline.Plan:
    """Return a plan that also leaves out what a newer registry forbids; settings stay as they were."""
    known = {project.id: project.removed_before for project in snapshot.projects}
    projects = {
        number: msgspec.structs.replace(
            project, removed_before=max(project.removed_before, known.get(number, 0))
        )
        for number, project in plan.projects.items()
    }
    return msgspec.structs.replace(
        plan, projects=projects, deleted=_deleted(snapshot, project_ids), registry=snapshot.version
    )


def _deleted(snapshot: model.Snapshot, project_ids: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(snapshot.deleted).intersection(project_ids)))
