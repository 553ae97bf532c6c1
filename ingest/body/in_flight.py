"""The bound on the bodies that one process has in memory at a time."""

from __future__ import annotations

from typing import Final

from ingest import refusals

LARGE_BYTES: Final = 64 * 1024
"""A size that hardly any body in earnest reaches."""


class InFlightBytes:
    """Counts the body bytes in memory: arriving, or waiting for Redis.

    Large bodies are taken up to half of the limit: a few senders of huge ones leave room for all others.

    Args:
        limit: bytes above which nothing more is taken.

    Attributes:
        size: how many bytes there are.
    """

    __slots__ = ("_limit", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.size = 0

    def add(self, size: int, before: int = 0) -> None:
        """Count ``size`` more bytes.

        Args:
            size: bytes.
            before: bytes of the same body that were counted already.

        Raises:
            RefusedError: that would be over the limit; nothing was counted.
        """
        limit = self._limit // 2 if before + size > LARGE_BYTES else self._limit
        if self.size + size > limit:
            raise refusals.RefusedError(refusals.BUSY)
        self.size += size

    def remove(self, size: int) -> None:
        """Count ``size`` bytes less."""
        self.size -= size
