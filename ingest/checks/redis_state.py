"""The state of Redis at the last poll, for the checks that depend on it."""

from __future__ import annotations


class RedisState:
    """The state of Redis.

    Attributes:
        reachable: whether Redis answered the last poll.
        full: whether its memory was above the high-water mark then.
    """

    __slots__ = ("full", "reachable")

    def __init__(self) -> None:
        self.reachable = False
        self.full = False
