"""Batch sizing: batches become smaller when they take long, because other streams wait meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from workers.draining import batch_limits

START: Final = 0.5
"""The share of the limits for the first batch of a process: how long it takes is not known yet."""
LEAST: Final = 0.05
"""The least share of the limits: of a smaller batch most is the fixed cost of any batch."""
CHANGE: Final = 2.0
"""The most by which the share grows or shrinks from one batch to the next, as a factor: one batch that waited
for something else says little."""


class BatchSizing:
    """Adapts the limits of batches to how long the last ones took.

    Args:
        most: the limits of a batch, however fast batches are.
        seconds: how long a batch may take.
        start: the share of the limits for the first batch.
    """

    def __init__(self, most: batch_limits.BatchLimits, seconds: float, start: float = START) -> None:
        self._most = most
        self._seconds = seconds
        self._share = start

    @property
    def limits(self) -> batch_limits.BatchLimits:
        """The limits of the next batch."""
        most, share = self._most, self._share
        return msgspec.structs.replace(
            most,
            max_bytes=int(most.max_bytes * share),
            max_payloads=int(most.max_payloads * share),
            max_reports=int(most.max_reports * share),
        )

    def learn(self, seconds: float, *, full: bool = True) -> None:
        """Learn from a batch: the next one is at most twice as large or half as large.

        Args:
            seconds: how long it took.
            full: whether it was as large as it might be; a fast small batch says nothing of large ones.
        """
        if not full and seconds <= self._seconds:
            return
        fitting = self._share * self._seconds / max(seconds, 0.001)
        within = max(self._share / CHANGE, min(self._share * CHANGE, fitting))
        self._share = max(LEAST, min(1.0, within))
