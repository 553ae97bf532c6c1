"""Two lanes for each shard: one for everybody, and one for projects whose backlog would make the others wait.

The streams of an installation with N shards are numbered 0 to 2N - 1; the second N are the lanes aside. Which
projects send there is decided by maintenance, and told to the edges through Redis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import redis
import redis.asyncio
import redis.exceptions

from storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY: Final = "headrace:aside"
"""Redis string: the ids of the projects that are set aside, as MessagePack."""
TTL_S: Final = 10
"""How long the edges believe what nobody repeats."""

_decoder: Final = msgspec.msgpack.Decoder(list[int])


def every(shards: int) -> range:
    """Return the numbers of all streams."""
    return range(2 * shards)


def aside(shard: int, shards: int) -> int:
    """Return the number of a shard's lane aside."""
    return shard + shards


def is_aside(stream: int, shards: int) -> bool:
    """Say whether a stream is a lane aside."""
    return stream >= shards


def publish(client: redis.Redis, projects: Iterable[int]) -> None:
    """Tell the edges which projects are set aside, for ``TTL_S`` seconds.

    Raises:
        RedisUnavailableError: Redis did not take it.
    """
    try:
        client.set(KEY, msgspec.msgpack.encode(sorted(projects)), ex=TTL_S)
    except (redis.exceptions.RedisError, OSError) as error:
        raise errors.RedisUnavailableError(f"Redis did not take it: {error}.") from error


async def load(client: redis.asyncio.Redis) -> frozenset[int]:
    """Return the projects that are set aside."""
    value: Any = await client.get(KEY)
    return frozenset(_decoder.decode(value)) if value else frozenset()
