"""Failures of Redis, told as one error: ``RedisUnavailableError``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import redis.exceptions

from storage import errors

if TYPE_CHECKING:
    from types import TracebackType

FAILURES: Final = (redis.exceptions.RedisError, OSError)
"""The errors of redis-py when the server does not answer, refuses, or cannot be reached."""


class told:  # noqa: N801 - reads as a verb: ``with redis_errors.told("did not take the reports")``
    """A block that talks to Redis; what fails in it is raised as ``RedisUnavailableError``.

    Args:
        failure: what Redis did not do, after "Redis" and before the reason.
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
            RedisUnavailableError: Redis failed in it.
        """
        if isinstance(error, FAILURES):
            raise errors.RedisUnavailableError(f"Redis {self._failure}: {error}.") from error
