"""The clock of an edge process: each poll of Redis sets it to the median of three clocks.

An edge whose machine is set to another day for a moment would refuse keys that are valid, and would give
wrong times to what it stores and counts. So three clocks are compared: this machine's, that of Redis, and
that of maintenance, which writes its own to Redis. Between two polls, or while Redis is away, the monotonic
clock counts.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import structlog

from storage.servers import clocks

if TYPE_CHECKING:
    from collections.abc import Callable

_log = structlog.get_logger(__name__)


class Clock:
    """Seconds since the epoch, when called.

    Args:
        wall: this machine's clock, in seconds since the epoch.
        steady: seconds, monotonic.
    """

    __slots__ = ("_disagrees", "_offset", "_steady", "_wall")

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        self._disagrees = False

    def __call__(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._offset + self._steady()

    def compare(self, redis_s: float, told_s: float) -> None:
        """Set this clock to the median of this machine's clock and two others.

        Args:
            redis_s: Redis' clock, in seconds since the epoch.
            told_s: maintenance's clock, as last written to Redis; in seconds since the epoch.
        """
        own = self._wall()
        median = statistics.median((own, redis_s, told_s))
        self._offset = median - self._steady()
        self._log_change(own_ahead_s=own - median, redis_ahead_s=redis_s - median)

    def _log_change(self, **ahead: float) -> None:
        """Log that a clock began to disagree, or that all agree again."""
        disagrees = any(abs(seconds) * 1000 > clocks.SLACK_MS for seconds in ahead.values())
        if disagrees != self._disagrees:
            event = "clocks_disagree" if disagrees else "clocks_agree"
            _log.warning(event, **{name: round(seconds, 1) for name, seconds in ahead.items()})
        self._disagrees = disagrees
