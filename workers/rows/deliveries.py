"""Deliveries: when, how often and from whom one payload of a batch was received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from storage.queue import envelope, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_Note = TypeVar("_Note")

Delivery = tuple[int, str, int, int]
"""Time of receipt (ms since the epoch) of a payload, id of its stream entry, its position in there, and the
slot of its sender."""

_SLOT: Final = envelope.Payload.__struct_fields__.index("slot")
"""The member before which all members of a payload count when payloads are told apart. It is the last one:
equal payloads of different senders are evaluated once."""


class Deliveries(msgspec.Struct, frozen=True):
    """All times that one payload was received, in the order of the stream.

    Attributes:
        stream: number of the stream.
        each: every delivery.
        counts_by_time: how many deliveries there were at each time of receipt (ms since the epoch).
        sketches_by_time: the sketch of the known senders of each time at which there were any.
    """

    stream: int
    each: list[Delivery]
    counts_by_time: dict[int, int]
    sketches_by_time: dict[int, int]

    def parted(self, notes: Mapping[str, _Note]) -> tuple[Deliveries, list[tuple[_Note, Deliveries]]]:
        """Return the deliveries without a note together, and each delivery with a note beside the note.

        Args:
            notes: notes on some deliveries, by receipt.
        """
        plain, noted = [], []
        for delivery, (_, receipt, _) in zip(self.each, self.receipts(), strict=True):
            note = notes.get(receipt)
            if note is None:
                plain.append(delivery)
            else:
                noted.append((note, of(self.stream, [delivery])))
        return of(self.stream, plain), noted

    def without_senders(self) -> Deliveries:
        """Return the same deliveries, each from an unknown sender."""
        each = [(*delivery[:3], reach.UNKNOWN) for delivery in self.each]
        return Deliveries(self.stream, each, self.counts_by_time, {})

    def receipts(self) -> Iterator[tuple[int, str, int]]:
        """Yield time, receipt and sender's slot of each delivery."""
        for received_ms, entry_id, position, slot in self.each:
            yield received_ms, envelope.receipt(self.stream, entry_id, position), slot


def grouped(stream: int, entries: Sequence[envelope.Entry]) -> Iterator[tuple[envelope.Payload, Deliveries]]:
    """Yield each distinct payload of a batch once, in the order of first receipt, with its deliveries.

    The slot of the payload that is yielded is that of the first delivery alone.
    """
    groups: dict[object, list[Delivery]] = {}
    firsts: list[envelope.Payload] = []
    members_of = msgspec.structs.astuple
    for entry in entries:
        received_ms, entry_id = entry.received_ms, entry.id
        for position, payload in enumerate(entry.payloads):
            key = members_of(payload)[:_SLOT]
            each = groups.get(key)
            if each is None:
                firsts.append(payload)
                groups[key] = [(received_ms, entry_id, position, payload.slot)]
            else:
                each.append((received_ms, entry_id, position, payload.slot))
    for payload, each in zip(firsts, groups.values(), strict=True):
        yield payload, of(stream, each)


def of(stream: int, each: list[Delivery]) -> Deliveries:
    """Return these deliveries of one payload."""
    if len(each) == 1:  # as most payloads are
        ((received_ms, _, _, slot),) = each
        return Deliveries(
            stream, each, {received_ms: 1}, {received_ms: reach.sketch_of(slot)} if slot else {}
        )
    counts: dict[int, int] = {}
    sketches: dict[int, int] = {}
    sketch_of = reach.sketch_of
    for received_ms, _, _, slot in each:
        counts[received_ms] = counts.get(received_ms, 0) + 1
        if slot:
            sketches[received_ms] = sketches.get(received_ms, 0) | sketch_of(slot)
    return Deliveries(stream, each, counts, sketches)
