"""Entry ids: ``<milliseconds>-<sequence>``, where an entry stands in its Redis stream. Pure."""

from __future__ import annotations

from typing import NamedTuple


class EntryId(NamedTuple):
    """The id of a stream entry; ids compare in the order of the stream.

    Attributes:
        ms: milliseconds since the epoch, unless a clock was ahead; no time of receipt.
        seq: number among the entries of one millisecond.
    """

    ms: int
    seq: int

    def __str__(self) -> str:
        """Return the id as Redis writes it."""
        return f"{self.ms}-{self.seq}"

    @property
    def following(self) -> EntryId:
        """The smallest id above this one."""
        return EntryId(self.ms, self.seq + 1)


def parse(entry_id: str | bytes) -> EntryId:
    """Return the two numbers of an id as Redis writes it.

    Raises:
        ValueError: it is no id.
    """
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    milliseconds, _, sequence = text.partition("-")
    return EntryId(int(milliseconds), int(sequence))
