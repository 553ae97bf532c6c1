"""The bound on what one process holds in memory for its senders."""

from __future__ import annotations

from typing import Final

from ingest import refusals

LARGE_BYTES: Final = 64 * 1024
"""What a body holds that hardly any sender in earnest reaches."""


class HeldBytes:
    """Counts the body bytes in memory: arriving, or waiting for Redis.

    Large bodies are taken up to half of the limit: a few senders of huge ones leave room for all others.

    Args:
        limit: bytes above which nothing more is taken.
    """

    __slots__ = ("_limit", "held")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    def take(self, size: int, before: int = 0) -> None:
        """Count ``size`` more bytes.

        Args:
            size: bytes.
            before: bytes of the same body that were counted already.

        Raises:
            RefusedError: that would be over the limit; nothing was counted.
        """
        limit = self._limit // 2 if before + size > LARGE_BYTES else self._limit
        if self.held + size > limit:
            raise refusals.RefusedError(refusals.BUSY)
        self.held += size

    def give(self, size: int) -> None:
        """Count ``size`` bytes less."""
        self.held -= size
