"""The time where clocks disagree: those of edges, workers, maintenance, Redis and ClickHouse.

None of them is always right: one may be set to another day for a moment, forward or back. So a time of
receipt is the median of three clocks (``ingest.backend.clock``, ``storage/lua/preludes/append_entry.lua``). A
report was received no later than the latest clock of its drainer says (``latest_ms``), and nothing is old
before the earliest clock says so (``earliest_ms``). Should all clocks be wrong together, they block the
reports that follow for no longer than the length of a quota.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import redis

from storage.servers import clickhouse, redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis.exceptions

KEY: Final = "headrace:clock"
"""Redis string: the time by maintenance's clock, in ms since the epoch, as it told last."""
TOLD_S: Final = 0.1
"""Seconds after which maintenance tells its time again, while Redis answers."""
SLACK_MS: Final = 30_000
"""How far clocks may differ for good: far more than the clocks of machines that ask for the time do."""


def latest_ms(client: redis.Redis, clock: Callable[[], float] = time.time) -> int:
    """Return the time by the latest of Redis' clock, maintenance's and this process's, in ms.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    redis_ms, told_ms = _ask(client)
    return max(redis_ms, told_ms, int(clock() * 1000))


def earliest_ms(
    client: redis.Redis, server: clickhouse.Connection, clock: Callable[[], float] = time.time
) -> int:
    """Return the time by the earliest of Redis' clock, ClickHouse's and this process's, in milliseconds.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer.
    """
    return min(_ask(client)[0], clickhouse.now_ms(server), int(clock() * 1000))


def redis_ms(answer: tuple[int, int]) -> int:
    """Return what Redis answered to ``TIME`` in milliseconds."""
    seconds, microseconds = answer
    return seconds * 1000 + microseconds // 1000


def told_ms(value: bytes | None) -> int:
    """Return the time by maintenance's clock from the value of ``KEY``; 0 where it never told any."""
    return int(value) if value and value.isdigit() else 0


def _ask(client: redis.Redis) -> tuple[int, int]:
    """Return the time by Redis' clock and by maintenance's, in ms since the epoch."""
    with redis_errors.translated("did not tell the time"), client.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.get(KEY)
        answers: list[Any] = pipeline.execute()
    return redis_ms(answers[0]), told_ms(answers[1])
