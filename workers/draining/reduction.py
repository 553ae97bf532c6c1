"""The reduction of a batch that fails: without poison payloads, or halved, or with damaged entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from storage.queue import envelope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.draining import batch
    from workers.draining.bounds import BatchBounds


def can_be_halved(decoded: batch.DecodedBatch, *, begun: bool) -> bool:
    """Say whether half of a batch may be bound in its place: not if its inserts may have begun."""
    return not begun and len(decoded.ids) > 1


def reduced(
    stream: int, bounds: BatchBounds, decoded: batch.DecodedBatch, found: Mapping[str, str], *, begun: bool
) -> BatchBounds:
    """Return the bounds of a batch without what makes it fail.

    Payloads that fail alone are quarantined. If none does, the batch is halved, unless some of its rows may
    be stored already: with other bounds they would get other tokens. When that does not help either, the
    entries concerned are treated as corrupt.

    Args:
        stream: number of the stream of the batch.
        bounds: bounds of the batch.
        decoded: entries of the batch.
        found: the error of each payload that fails alone, by receipt.
        begun: whether its inserts may have begun.
    """
    if not found.keys() <= bounds.plan.poison.keys():
        plan = msgspec.structs.replace(bounds.plan, poison={**bounds.plan.poison, **found})
        return msgspec.structs.replace(bounds, plan=plan)
    if not found and can_be_halved(decoded, begun=begun):
        ids = decoded.ids
        return msgspec.structs.replace(bounds, last=ids[len(ids) // 2 - 1])
    return msgspec.structs.replace(bounds, damaged=bounds.damaged | _damaged(stream, decoded, found))


def _damaged(stream: int, decoded: batch.DecodedBatch, found: Mapping[str, str]) -> dict[str, str]:
    """Return the error of each entry that holds such a payload, by id; all entries if there are none."""
    if not found:
        return {entry.id: "The entry makes its batch fail, but only as a whole." for entry in decoded.entries}
    return {
        entry.id: found[receipt]
        for entry in decoded.entries
        for index in range(len(entry.payloads))
        if (receipt := envelope.receipt(stream, entry.id, index)) in found
    }
