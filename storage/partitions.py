"""The guard of the partition key, which comes from a public query string.

A project has at most ``max_partitions`` live (environment, release) pairs; a pair is live while reports
arrived under it within ``LIFE_MS``. Which pairs are live is kept in Redis, one sorted set per project.
Reports of a refused pair land in release ``(other)``, under their own environment if that is live in another
pair, else under the empty one: so the partitions stay bounded whatever a sender makes up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import redis
import redis.exceptions

from storage import errors, scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

LIFE_MS: Final = 7 * 24 * 3600 * 1000
"""A release that sent nothing for a week makes room for a newer one; its rows stay."""

Pair = tuple[str, str]


def key(project_id: int) -> str:
    """Return the Redis key under which a project's live pairs are kept."""
    return f"headrace:partitions:{project_id}"


def admit(
    client: redis.Redis, project_id: int, pairs: Sequence[Pair], *, most: int, now_ms: int
) -> dict[Pair, str]:
    """Return the pairs beyond the project's limit, each with the environment under which it is kept.

    Args:
        client: a synchronous client without retries.
        project_id: whose pairs these are.
        pairs: in the order in which they may claim the places that are left.
        most: the project's ``max_partitions``.
        now_ms: time of receipt, in milliseconds since the epoch.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    members = [msgspec.json.encode(pair) for pair in pairs]
    try:
        verdicts: Any = client.eval(scripts.ADMIT.text, 1, key(project_id), now_ms, LIFE_MS, most, *members)
    except (redis.exceptions.RedisError, OSError) as error:
        raise errors.RedisUnavailableError(f"Redis did not answer: {error}.") from error
    return {pair: verdict[1:].decode() for pair, verdict in zip(pairs, verdicts, strict=True) if verdict}
