"""The bound on what one process holds in memory for its senders."""

from __future__ import annotations

from ingest import refusals


class HeldBytes:
    """Counts the body bytes in memory: arriving, or waiting for Redis.

    Args:
        limit: bytes above which nothing more is taken.
    """

    __slots__ = ("_limit", "held")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    def take(self, size: int) -> None:
        """Count ``size`` more bytes.

        Raises:
            RefusedError: that would be over the limit; nothing was counted.
        """
        if self.held + size > self._limit:
            raise refusals.RefusedError(refusals.BUSY)
        self.held += size

    def give(self, size: int) -> None:
        """Count ``size`` bytes less."""
        self.held -= size
