"""Counts of refusals reach Redis, each once, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from deploy.network import addresses, ports
from ingest import refusals
from ingest.backend import connection, refusal_counter
from ingest.checks import credentials, targets
from storage.tables import refusals as stored_refusals
from tests.helpers import relay
from tests.integration.ingest import edges

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import redis

    from tests.helpers import harness

pytestmark = pytest.mark.integration

NOW = 1_790_000_000.5
MINUTE = 1_789_999_980


def target(project_id: int, environment: str) -> targets.Target:
    return targets.Target(
        refusals.DISABLED, project_id, credentials.Credentials("k", environment, "1", 0), 16
    )


def run(url: str, scenario: Callable[[refusal_counter.RefusalCounter], Awaitable[None]]) -> None:
    async def main() -> None:
        client = connection.connect(url, edges.REDIS_S)
        await scenario(refusal_counter.RefusalCounter(client, edges.REDIS_S, lambda: NOW))
        await client.aclose()

    asyncio.run(main())


def waiting(client: redis.Redis) -> Counter[stored_refusals.RefusalKey]:
    """Take all counts out of Redis."""
    fields: Any = client.hgetall(stored_refusals.PENDING_KEY)
    client.delete(stored_refusals.PENDING_KEY)
    return Counter(
        {
            msgspec.json.decode(key, type=stored_refusals.RefusalKey): int(count)
            for key, count in fields.items()
        }
    )


def test_counts_add_up_over_flushes(redis_server: harness.RedisServer, redis_client: redis.Redis) -> None:
    waiting(redis_client)

    async def scenario(tested: refusal_counter.RefusalCounter) -> None:
        for _ in range(2):
            tested.count(refusals.DISABLED, target(7, "prod"))
            tested.count(refusals.TOO_LARGE, target(7, "prod"))
            tested.count(refusals.NO_ROUTE, targets.NOWHERE)
            tested.count(refusals.NO_ROUTE, targets.NOWHERE)
            await tested.flush()
        await tested.flush()

    run(redis_server.url, scenario)
    key = stored_refusals.RefusalKey(MINUTE, 7, "k", "prod", "1", "disabled")
    assert waiting(redis_client) == {
        key: 2,
        key._replace(reason="too_large"): 2,
        stored_refusals.RefusalKey(MINUTE, 0, "", "", "", "no_route"): 4,
    }


def test_beyond_the_bound_only_the_reason_is_kept(
    redis_server: harness.RedisServer, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(redis_client)
    monkeypatch.setattr(refusal_counter, "_MAX_KEYS", 3)

    async def scenario(tested: refusal_counter.RefusalCounter) -> None:
        for number in range(10):
            tested.count(refusals.DISABLED, target(7, f"environment-{number}"))
        tested.count(refusals.DISABLED, target(7, "environment-0"))
        await tested.flush()

    run(redis_server.url, scenario)
    counts = waiting(redis_client)
    assert counts.total() == 11
    assert len(counts) == 4
    assert counts[stored_refusals.RefusalKey(MINUTE, 0, "", "", "", "disabled")] == 7


def test_made_up_releases_are_counted_together(
    redis_server: harness.RedisServer, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(redis_client)
    monkeypatch.setattr(refusal_counter, "_MAX_PAIRS", 2)
    now = NOW

    async def scenario(tested: refusal_counter.RefusalCounter) -> None:
        nonlocal now
        tested._clock = lambda: now
        for name in ("a", "b", "c", "d", "a"):
            tested.count(refusals.DISABLED, target(7, name))
        tested.count_shed("project_minute", target(7, "e"), 3)
        tested.count(refusals.DISABLED, target(8, "c"))
        plain = targets.Target(refusals.DISABLED, 7, credentials.Credentials("k", "", "", 0), 16)
        tested.count(refusals.DISABLED, plain)
        now += 3600
        tested.count(refusals.DISABLED, target(7, "c"))
        await tested.flush()

    run(redis_server.url, scenario)
    first = stored_refusals.RefusalKey(MINUTE, 7, "k", "a", "1", "disabled")
    other = first._replace(environment="", release="(other)")
    assert waiting(redis_client) == {
        first: 2,
        first._replace(environment="b"): 1,
        other: 2,
        other._replace(reason="project_minute", outcome="quota"): 3,
        first._replace(project_id=8, environment="c"): 1,
        first._replace(environment="", release=""): 1,
        first._replace(minute=MINUTE + 3600, environment="c"): 1,
    }


def test_counts_wait_for_a_redis_that_is_away(
    redis_server: harness.RedisServer, redis_client: redis.Redis
) -> None:
    waiting(redis_client)

    async def scenario(tested: refusal_counter.RefusalCounter) -> None:
        tested._client = connection.connect(
            f"redis://{addresses.LOOPBACK}:{ports.free_port()}/0", edges.REDIS_S
        )
        tested.count(refusals.DISABLED, target(7, "prod"))
        await tested.flush()
        tested.count(refusals.DISABLED, target(7, "prod"))
        tested._client = connection.connect(redis_server.url, edges.REDIS_S)
        await tested.flush()
        await tested._client.aclose()

    run(redis_server.url, scenario)
    assert waiting(redis_client).total() == 2


def test_a_flush_whose_answer_is_lost_counts_once(
    redis_server: harness.RedisServer, redis_client: redis.Redis
) -> None:
    waiting(redis_client)

    async def scenario(tested: refusal_counter.RefusalCounter) -> None:
        for _ in range(3):
            tested.count(refusals.DISABLED, target(7, "prod"))
            between.cut = 1
            await tested.flush()
            tested.count(refusals.DISABLED, target(7, "prod"))
            await tested.flush()

    with relay.Relay(redis_server.url) as between:
        run(between.url, scenario)
    assert waiting(redis_client).total() == 6


def test_a_flush_that_comes_again_after_later_ones_counts_once(
    redis_server: harness.RedisServer, redis_client: redis.Redis
) -> None:
    """A flush may be held back on its way while the edge tries it again."""
    waiting(redis_client)
    key = stored_refusals.RefusalKey(MINUTE, 7, "k", "prod", "1", "disabled")

    async def scenario(tested: refusal_counter.RefusalCounter) -> None:
        for number in (9, 9, 10, 9, 11, 10):
            await stored_refusals.flush(tested._client, stored_refusals.Flush("edge", number, {key: 1}))

    run(redis_server.url, scenario)
    assert waiting(redis_client) == {key: 3}
