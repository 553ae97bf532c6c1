"""The guard of the partition key, which comes from a public query string.

A project has at most ``max_partitions`` live (environment, release) pairs; a pair is live while reports
arrived under it within ``LIFE_MS``, or as long as no other pair needs its place. A quarter of the places may
be taken within an hour, so that a sender of made-up releases does not get all of them at once. The live pairs
of a project are kept in a Redis sorted set, and the first ``MOST_ENVIRONMENTS`` of their environments in
another.

Reports of a refused pair land in release ``(other)``, under their own environment if it is among those, else
under the empty one. So the partitions stay bounded whatever a sender makes up, and few of them are written by
drainers of several streams.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec
import redis

from storage.servers import clocks, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis.exceptions

LIFE_MS: Final = 7 * 24 * 3600 * 1000
"""A release that sent nothing for a week makes room for a newer one; its rows stay."""

MOST_ENVIRONMENTS: Final = 5
"""Environments that keep their name under ``(other)``: real ones are few, and there before made-up ones."""
_NEW_SHARE: Final = 1 / 4
"""The share of the places that may be taken within an hour."""
_LEAST_NEW: Final = 10
_HOUR_MS: Final = 3_600_000
_HOUR_KEPT_S: Final = 7_200

Pair = tuple[str, str]


def keys(project_id: int) -> tuple[str, str]:
    """Return the Redis keys of a project's live pairs, and of the first of their environments."""
    return f"headrace:partitions:{project_id}", f"headrace:environments:{project_id}"


def most_new(most: int) -> int:
    """Return how many pairs of a project may come to live within an hour, out of so many in all."""
    return max(_LEAST_NEW, int(most * _NEW_SHARE))


def admit(  # noqa: PLR0913 - the bounds of a project, and two times
    client: redis.Redis,
    project_id: int,
    pairs: Sequence[Pair],
    *,
    most: int,
    now_ms: int,
    clock: Callable[[], float] = time.time,
) -> dict[Pair, str]:
    """Return the pairs beyond the project's limit, each with the environment under which it is kept.

    Args:
        client: a synchronous client without retries.
        project_id: the project of the pairs.
        pairs: the pairs, in the order in which they may take the places that are left.
        most: the project's ``max_partitions``.
        now_ms: time of receipt, in milliseconds since the epoch.
        clock: seconds since the epoch; a later time of receipt was told by a clock that was ahead.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    members = [msgspec.json.encode(pair) for pair in pairs]
    with redis_errors.translated():
        names = [*keys(project_id), f"headrace:partitions:{project_id}:{now_ms // _HOUR_MS}"]
        clocked = [int(clock() * 1000), clocks.SLACK_MS]
        bounds = [most, MOST_ENVIRONMENTS, most_new(most), _HOUR_KEPT_S, *clocked]
        answers = scripts.ADMIT_PARTITIONS.run(client, names, now_ms, LIFE_MS, *bounds, *members)
    return {pair: answer[1:].decode() for pair, answer in zip(pairs, answers, strict=True) if answer}
