"""Stores the two weeks: appended as the edge does, each at its time of receipt, and drained by workers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Final

import msgspec
import redis.asyncio

from storage.projects import project_settings, public_keys, registry
from storage.queue import appenders, batches, envelope
from storage.tables import refusals
from tests.cookbook import blog, calendar, people, senders, visits, wire
from tests.helpers import clocks
from workers.draining import drain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.servers import clickhouse

SHARDS: Final = 16
_SEED: Final = 2026
_PART_S: Final = 4 * calendar.DAY_S
"""The days that are drained together."""
_LIMITED_FROM: Final = 2
"""The part before which the shop was given a quota."""


def fill(client: redis.Redis, server: clickhouse.Connection, redis_url: str) -> None:
    """Store the two weeks in an empty Redis and a fresh database."""
    source = registry.Registry(server)
    keys = tuple(public_keys.Key(key=key) for key in (visits.KEY, visits.STAGING_KEY))
    source.create("shop", keys, settings=_SHOP)
    source.create("blog", (public_keys.Key(key=blog.KEY),), settings=_BLOG)
    source.publish(client)
    for part, days in itertools.groupby(received(), _part):
        if part == _LIMITED_FROM:
            source.change("shop", lambda shop: msgspec.structs.replace(shop, settings=_LIMITED))
            source.publish(client)
        _append(client, days)
        _drain(client, server)
    asyncio.run(_refuse(redis_url))
    refusals.move(client, server)


def received() -> list[wire.Sent]:
    """Return all payloads in the order of receipt."""
    dice = people.Dice(_SEED)
    mine = [*visits.shop(dice), *visits.staging(dice), *senders.noise(dice), *senders.flood(dice)]
    mine += [*senders.chains(dice), *senders.late(dice), *senders.mistakes(dice), *blog.readers(dice)]
    mine += list(senders.again(mine))
    return sorted(mine, key=lambda one: one.at)


_SHOP: Final = project_settings.ProjectSettings(
    allowed_origins=("https://shop.example", "https://*.shop.example")
)
_LIMITED: Final = msgspec.structs.replace(_SHOP, key_quota_per_minute=150)
_BLOG: Final = project_settings.ProjectSettings(
    sampling="fixed", sample_rate=0.2, noise_drop=("extension",), max_partitions=4
)


def _part(one: wire.Sent) -> int:
    return int(one.at - calendar.FIRST.timestamp()) // _PART_S


def _append(client: redis.Redis, sent: Iterable[wire.Sent]) -> None:
    """Append payloads, those of a second together, each second at its own time."""
    clock = clocks.FakeClock()
    appender = appenders.Appender(client, clock)
    for _, second in itertools.groupby(sent, lambda one: int(one.at)):
        groups: dict[int, list[envelope.Payload]] = {}
        for one in second:
            payload, clock.now = one.payload, one.at
            shard = envelope.shard_of(payload.project_id, payload.environment, payload.release, SHARDS)
            groups.setdefault(shard, []).append(payload)
        appender.append(groups)


def _drain(client: redis.Redis, server: clickhouse.Connection) -> None:
    drainer = drain.Drainer(batches.Queue(client), client, server, time.monotonic)
    for shard in range(SHARDS):
        drainer.drain(shard)


async def _refuse(redis_url: str) -> None:
    """Count what the edges refused: a key that was taken out of the registry, and bodies that are none."""
    counts = {
        _refused(calendar.at(day, 12), "unknown_key", 0, ""): 20 + day for day in range(9, 9 + calendar.DAYS)
    }
    counts |= {_refused(calendar.at(day, 15), "not_json", visits.SHOP, visits.KEY): day for day in (11, 19)}
    async with contextlib.aclosing(redis.asyncio.Redis.from_url(redis_url)) as client:
        await refusals.flush(client, refusals.Flush("edge", 1, counts))


def _refused(at: float, reason: str, project_id: int, key: str) -> refusals.RefusalKey:
    return refusals.RefusalKey(int(at), project_id, key, "", "", reason)
