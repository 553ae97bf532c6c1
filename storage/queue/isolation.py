"""Isolation: each shard has two streams, one for all projects, and one for projects that kept others waiting.

The streams of an installation with N shards are numbered 0 to 2N - 1; the second N are the isolated streams.
Maintenance decides which projects send there, and tells the edges through Redis.

An installation that had more shards once has streams beyond: they are drained, and counted, all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import redis
import redis.asyncio

from storage.queue import streams
from storage.servers import redis_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import redis.exceptions

MOST_SHARDS: Final = 256
KEY: Final = "headrace:aside"
"""Redis string: the ids of the isolated projects, as MessagePack; the key is named as by earlier releases."""
TTL_S: Final = 10
"""How long the edges go by the isolated projects that were published last."""
COSTS_KEY: Final = "headrace:cost"
"""Redis strings, by project: microseconds that each of its payloads took, when they last took long."""
COSTS_TTL_S: Final = 60

_decoder: Final = msgspec.msgpack.Decoder(list[int])


def every(shards: int) -> range:
    """Return the numbers of all streams."""
    return range(2 * shards)


def present(client: redis.Redis, shards: int) -> list[int]:
    """Return the numbers of all streams, also of those that are left from when there were more shards.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    beyond = range(2 * shards, 2 * MOST_SHARDS)
    ledgers = [streams.keys(number).ledger for number in beyond]
    with redis_errors.translated("did not tell its streams"):
        if not ledgers or not client.exists(*ledgers):
            return [*every(shards)]
        with client.pipeline(transaction=False) as pipeline:
            for ledger in ledgers:
                pipeline.exists(ledger)
            left = pipeline.execute()
    return [*every(shards), *(number for number, exists in zip(beyond, left, strict=True) if exists)]


def isolated_stream(shard: int, shards: int) -> int:
    """Return the number of a shard's isolated stream."""
    return shard + shards


def is_isolated(stream: int, shards: int) -> bool:
    """Return whether a stream is isolated, or left from when there were more shards."""
    return stream >= shards


def publish(client: redis.Redis, projects: Iterable[int]) -> None:
    """Tell the edges which projects are isolated, for ``TTL_S`` seconds.

    Raises:
        RedisUnavailableError: Redis did not take it.
    """
    with redis_errors.translated("did not take it"):
        client.set(KEY, msgspec.msgpack.encode(sorted(projects)), ex=TTL_S)


def note_costs(client: redis.Redis, costs: Mapping[int, int]) -> None:
    """Note how long payloads took, in microseconds each, by project.

    Raises:
        RedisUnavailableError: Redis did not take it.
    """
    with redis_errors.translated("did not take it"), client.pipeline(transaction=False) as pipeline:
        for project, cost in costs.items():
            pipeline.set(f"{COSTS_KEY}:{project}", cost, ex=COSTS_TTL_S)
        pipeline.execute()


def costs(client: redis.Redis, projects: Iterable[int]) -> dict[int, int]:
    """Return how long payloads of these projects took lately, in microseconds each, where they took long.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    wanted = list(projects)
    if not wanted:
        return {}
    with redis_errors.translated():
        noted: Any = client.mget([f"{COSTS_KEY}:{project}" for project in wanted])
    return {project: int(cost) for project, cost in zip(wanted, noted, strict=True) if cost is not None}


async def load(client: redis.asyncio.Redis) -> frozenset[int]:
    """Return the isolated projects."""
    value: Any = await client.get(KEY)
    return frozenset(_decoder.decode(value)) if value else frozenset()
