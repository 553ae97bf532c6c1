"""Drift: streams whose ids are ahead of the clock, because the clock was ahead, are brought back to it.

Ids only increase, so that a clock which was ahead for a moment leaves a stream ahead until it gets there. An
id is nothing but a place in its stream, and every entry has its time of receipt beside it, so nothing waits
for that. But a receipt would show a time in the future, and a stream whose last id is the highest possible
would take nothing more. A stream is brought back once it is empty, and no id is given twice
(``queue/realign_ids.lua``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis

from storage.queue import appends, streams
from storage.servers import clocks, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import redis.exceptions

AHEAD_MS: Final = 2 * clocks.SLACK_MS
"""How far a stream must be ahead to be reported: the ids of Redis' clock alone never lead that far."""


class Drift(NamedTuple):
    """How many milliseconds a stream is ahead of the clock, and whether it was brought back just now."""

    ahead_ms: int
    mended: bool


def find(
    client: redis.Redis,
    numbers: Iterable[int],
    *,
    mend: bool = False,
    clock: Callable[[], float] = time.time,
) -> dict[int, Drift]:
    """Return the streams that are ahead of both Redis' clock and this process's.

    Args:
        client: a synchronous client.
        numbers: the numbers of the streams to look at.
        mend: whether to bring empty streams back.
        clock: seconds since the epoch.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    streams_to_ask = list(numbers)
    arguments = (int(clock() * 1000), AHEAD_MS, int(mend))
    with redis_errors.translated(), client.pipeline(transaction=False) as pipeline:
        for number in streams_to_ask:
            names = streams.keys(number)
            where = (names.stream, names.bounds, appends.GENERATION_KEY)
            scripts.REALIGN_IDS.add_to(pipeline, where, *arguments)
        answers: list[Any] = pipeline.execute()
    return {
        number: Drift(int(ahead_ms), bool(mended))
        for number, (ahead_ms, mended) in zip(streams_to_ask, answers, strict=True)
        if int(ahead_ms)
    }
