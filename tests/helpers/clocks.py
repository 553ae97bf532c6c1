"""A clock that stands still until a test moves it."""

from __future__ import annotations


class FakeClock:
    """Stands in for ``time.monotonic`` or ``time.time``; a test sets ``now``.

    Args:
        now: seconds at which it stands first.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the seconds at which it stands."""
        return self.now
