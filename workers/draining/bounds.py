"""The bounds of a batch: its first and last entry, and the decisions that must not change in a repetition."""

from __future__ import annotations

import msgspec

from workers.model import batch_plan


class BatchBounds(msgspec.Struct, frozen=True):
    """The record of a batch in Redis, from before its first insert until its commit.

    Attributes:
        first: id of its first entry.
        last: id of its last entry.
        plan: the decisions that depend on more than the entries themselves.
        damaged: the error of each entry that is treated as corrupt, by id: quarantining its payloads one by
            one did not help.
    """

    first: str
    last: str
    plan: batch_plan.Plan
    damaged: dict[str, str] = {}

    def token(self, stream: int, table: str) -> str:
        """Return the deduplication token of this batch's insert into a table."""
        return f"{stream}:{self.first}-{self.last}:{table}"


_decoder = msgspec.json.Decoder(BatchBounds)


def encode(bounds: BatchBounds) -> bytes:
    """Return the bounds as Redis holds them."""
    return msgspec.json.encode(bounds)


def decode(encoded: bytes) -> BatchBounds:
    """Return the bounds that an earlier drainer bound."""
    return _decoder.decode(encoded)
