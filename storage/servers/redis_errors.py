"""Translates the failures of Redis into one error: ``RedisUnavailableError``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import redis.exceptions

from storage import errors

if TYPE_CHECKING:
    from types import TracebackType

FAILURES: Final = (redis.exceptions.RedisError, OSError)
"""The errors of redis-py when the server does not answer, refuses, or cannot be reached."""


class translated:  # noqa: N801 - reads as a verb: ``with redis_errors.translated("did not answer")``
    """A block that talks to Redis: a failure of Redis in the block is raised as ``RedisUnavailableError``.

    Args:
        failure: the thing that Redis did not do, after "Redis" and before the reason.
    """

    __slots__ = ("_failure",)

    def __init__(self, failure: str = "did not answer") -> None:
        self._failure: Final = failure

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the block.

        Raises:
            RedisUnavailableError: Redis failed in the block.
        """
        if isinstance(error, FAILURES):
            raise errors.RedisUnavailableError(f"Redis {self._failure}: {error}.") from error
