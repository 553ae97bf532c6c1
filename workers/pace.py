"""How large batches may be to take no longer than others may well wait: what some send is costly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from workers import drain

START: Final = 0.5
"""Of the limits, for the first batch of a process, whose cost nobody knows yet."""
LEAST: Final = 0.05
"""Of the limits: with smaller batches their fixed cost is most of it."""
GROWTH: Final = 2.0


class Pace:
    """The size of batches, by how long the last one took.

    Args:
        most: their limits, however fast they are.
        seconds: what a batch may take.
        start: the share of the limits to begin with.
    """

    def __init__(self, most: drain.Limits, seconds: float, start: float = START) -> None:
        self._most = most
        self._seconds = seconds
        self._share = start

    @property
    def limits(self) -> drain.Limits:
        """The limits of the next batch."""
        most, share = self._most, self._share
        return msgspec.structs.replace(
            most,
            max_bytes=int(most.max_bytes * share),
            max_payloads=int(most.max_payloads * share),
            max_reports=int(most.max_reports * share),
        )

    def note(self, seconds: float) -> None:
        """Learn from a batch: the next one is smaller at once, or at most twice as large."""
        fitting = self._share * self._seconds / max(seconds, 0.001)
        self._share = max(LEAST, min(1.0, fitting, self._share * GROWTH))
