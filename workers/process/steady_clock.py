"""A check on the clock by which data is removed: a clock that was set ahead must not remove anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SKEW_MS: Final = 3_600_000
"""A clock that went faster than this from one reading to the next was set, and is not trusted."""


class SteadyClock:
    """Compares a wall clock with a monotonic one, from one reading to the next.

    Args:
        monotonic: seconds by a clock that nobody sets.
        wall: seconds since the epoch by this machine's clock, now.
    """

    def __init__(self, monotonic: Callable[[], float], wall: float) -> None:
        self._monotonic = monotonic
        self._last = (monotonic(), int(wall * 1000))

    def trusts(self, now_ms: int) -> bool:
        """Return whether this much time may have passed since the last reading.

        Args:
            now_ms: what the wall clock reads, in milliseconds since the epoch.
        """
        (before, before_ms), now = self._last, self._monotonic()
        self._last = (now, now_ms)
        return now_ms - before_ms <= (now - before) * 1000 + SKEW_MS
