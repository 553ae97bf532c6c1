"""Deliveries: when and how often one payload of a batch was received."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from storage.queue import envelope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_Note = TypeVar("_Note")

Delivery = tuple[int, str, int]
"""Time of receipt (ms since the epoch) of a payload, id of its stream entry, and its position in there."""


class Deliveries(msgspec.Struct, frozen=True):
    """All times that one payload was received, in the order of the stream.

    Attributes:
        stream: number of the stream.
        each: every delivery.
        counts_by_time: how many deliveries there were at each time of receipt (ms since the epoch).
    """

    stream: int
    each: list[Delivery]
    counts_by_time: dict[int, int]

    def parted(self, notes: Mapping[str, _Note]) -> tuple[Deliveries, list[tuple[_Note, Deliveries]]]:
        """Return the deliveries without a note together, and each delivery with a note beside the note.

        Args:
            notes: notes on some deliveries, by receipt.
        """
        plain, noted = [], []
        for delivery, (_, receipt) in zip(self.each, self.receipts(), strict=True):
            note = notes.get(receipt)
            if note is None:
                plain.append(delivery)
            else:
                noted.append((note, of(self.stream, [delivery])))
        return of(self.stream, plain), noted

    def receipts(self) -> Iterator[tuple[int, str]]:
        """Yield time and receipt of each delivery."""
        for received_ms, entry_id, position in self.each:
            yield received_ms, envelope.receipt(self.stream, entry_id, position)


def grouped(stream: int, entries: Sequence[envelope.Entry]) -> Iterator[tuple[envelope.Payload, Deliveries]]:
    """Yield each distinct payload of a batch once, in the order of first receipt, with its deliveries."""
    groups: dict[envelope.Payload, list[Delivery]] = {}
    for entry in entries:
        received_ms, entry_id = entry.received_ms, entry.id
        for position, payload in enumerate(entry.payloads):
            groups.setdefault(payload, []).append((received_ms, entry_id, position))
    for payload, each in groups.items():
        yield payload, of(stream, each)


def of(stream: int, each: list[Delivery]) -> Deliveries:
    """Return these deliveries of one payload."""
    counts_by_time: dict[int, int] = {}
    for received_ms, _, _ in each:
        counts_by_time[received_ms] = counts_by_time.get(received_ms, 0) + 1
    return Deliveries(stream, each, counts_by_time)
