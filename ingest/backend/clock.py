"""The time as this process believes it: it goes on steadily, and is compared with other clocks at each look.

An edge whose clock is set to another day for a moment would refuse keys that are valid, and date wrongly
what it takes and refuses. So the time is the median of three clocks: this machine's, Redis' and that of
maintenance as it told last. Between two looks, or while Redis is away, it goes on by the steady clock.
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
        """Go on from the median of this machine's clock and two others.

        Args:
            redis_s: Redis' clock, in seconds since the epoch.
            told_s: maintenance's, as it told last.
        """
        own = self._wall()
        believed = statistics.median((own, redis_s, told_s))
        self._offset = believed - self._steady()
        self._note(own_ahead_s=own - believed, redis_ahead_s=redis_s - believed)

    def _note(self, **ahead: float) -> None:
        """Log when a clock begins to disagree, and when all agree again."""
        disagrees = any(abs(seconds) * 1000 > clocks.SLACK_MS for seconds in ahead.values())
        if disagrees != self._disagrees:
            event = "clocks_disagree" if disagrees else "clocks_agree"
            _log.warning(event, **{name: round(seconds, 1) for name, seconds in ahead.items()})
        self._disagrees = disagrees
