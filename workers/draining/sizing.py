"""How large batches may be to take no longer than others may well wait: what some send is costly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from workers.draining import batch_limits

START: Final = 0.5
"""Of the limits, for the first batch of a process, whose cost nobody knows yet."""
LEAST: Final = 0.05
"""Of the limits: with smaller batches their fixed cost is most of it."""
CHANGE: Final = 2.0
"""Of a share, at most, from one batch to the next: one that waited for something else says little."""


class BatchSizing:
    """The size of batches, by how long the last one took.

    Args:
        most: their limits, however fast they are.
        seconds: what a batch may take.
        start: the share of the limits to begin with.
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

    def note(self, seconds: float, *, full: bool = True) -> None:
        """Learn from a batch: the next one is at most twice as large or half as large.

        Args:
            seconds: what it took.
            full: whether it was as large as it might be; how fast a small one is says nothing of large ones.
        """
        if not full and seconds <= self._seconds:
            return
        fitting = self._share * self._seconds / max(seconds, 0.001)
        within = max(self._share / CHANGE, min(self._share * CHANGE, fitting))
        self._share = max(LEAST, min(1.0, within))
