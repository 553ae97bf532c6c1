"""The queue protocol over a real Redis: append, acquire, bind, commit, and which drainer may do so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio

from storage import errors
from storage.ledger import equations
from storage.queue import appenders, batches, envelope, streams

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis as redis_sync

    from tests.helpers import harness

TTL_MS = 60_000


def payload(project_id: int = 1, body: bytes = b"{}") -> envelope.Payload:
    return envelope.Payload(project_id, "key", "prod", "1.0", "agent", "application/json", 0, body)


def append(url: str, groups: dict[int, list[envelope.Payload]]) -> dict[int, str]:
    async def once() -> dict[int, str]:
        async with redis.asyncio.Redis.from_url(url) as client:
            return await appenders.AsyncAppender(client).append(groups)

    return asyncio.run(once())


@pytest.fixture
def queue(client: redis_sync.Redis) -> batches.Queue:
    return batches.Queue(client)


def acquired(queue: batches.Queue, shard: int = 3) -> batches.StreamLease:
    lease = queue.acquire(shard, TTL_MS)
    assert lease
    return lease


def test_an_append_counts_each_project_and_is_read_back(
    queue: batches.Queue, client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    ids = append(redis_server.url, {3: [payload(1), payload(7), payload(1)], 4: [payload(7)]})
    (stored,) = queue.read(3, max_bytes=1 << 20, max_payloads=100)
    assert (stored.id, stored.project_counts) == (ids[3], {1: 2, 7: 1})
    assert envelope.decode(stored.id, stored.value).payloads == [payload(1), payload(7), payload(1)]
    assert equations.counters(client, 16)["acknowledged"] == {1: 2, 7: 2}
    assert equations.backlog(client, 16) == 4


def test_an_append_survives_a_redis_that_forgot_its_scripts(
    client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    client.script_flush()
    assert append(redis_server.url, {0: [payload()]}).keys() == {0}
    assert client.xlen(streams.keys(0).stream) == 1


def test_an_append_to_a_dead_redis_says_so() -> None:
    with pytest.raises(errors.RedisUnavailableError, match="did not take the reports"):
        append("redis://127.0.0.1:1", {0: [payload()]})


def test_a_full_redis_refuses_the_append_and_still_lets_the_backlog_drain(
    queue: batches.Queue, client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    (entry_id,) = append(redis_server.url, {3: [payload()]}).values()
    limit: Any = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(errors.RedisUnavailableError, match="maxmemory"):
            append(redis_server.url, {3: [payload()]})
        lease = acquired(queue)
        queue.bind(lease, b"bounds")
        queue.renew(lease, TTL_MS)
        queue.commit(lease, b"bounds", entry_id, [("committed:1", 1)])
        queue.release(lease)
    finally:
        client.config_set("maxmemory", limit)
    assert equations.backlog(client, 16) == 0


@pytest.mark.parametrize(
    ("max_bytes", "max_payloads", "expected"),
    [(1 << 20, 100, 5), (1 << 20, 2, 2), (1, 100, 1), (1 << 20, 0, 1)],
)
def test_a_read_is_bounded_but_never_empty(
    queue: batches.Queue,
    redis_server: harness.RedisServer,
    max_bytes: int,
    max_payloads: int,
    expected: int,
) -> None:
    for _ in range(5):
        append(redis_server.url, {3: [payload()]})
    assert len(queue.read(3, max_bytes=max_bytes, max_payloads=max_payloads)) == expected
    assert queue.read(4, max_bytes=max_bytes, max_payloads=max_payloads) == []


def test_one_holder_at_a_time(queue: batches.Queue) -> None:
    first = acquired(queue)
    assert queue.acquire(3, TTL_MS) is None
    assert queue.acquire(4, TTL_MS) is not None
    queue.release(first)
    second = acquired(queue)
    assert second.token > first.token


def test_the_next_holder_finds_the_bounds_and_exactly_the_batch(
    queue: batches.Queue, redis_server: harness.RedisServer
) -> None:
    ids = [append(redis_server.url, {3: [payload()]})[3] for _ in range(4)]
    first = acquired(queue)
    queue.bind(first, b"the bounds")
    queue.release(first)
    second = acquired(queue)
    assert second.bounds == b"the bounds"
    assert [item.id for item in queue.read_between(3, ids[0], ids[2])] == ids[:3]


def test_a_commit_removes_the_batch_and_nothing_else(
    queue: batches.Queue, client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    ids = [append(redis_server.url, {3: [payload()]})[3] for _ in range(4)]
    lease = acquired(queue)
    queue.bind(lease, b"bounds")
    queue.commit(lease, b"bounds", ids[1], [("committed:1", 2), ("found:1", 5)])
    assert [item.id for item in queue.read(3, max_bytes=1 << 20, max_payloads=99)] == ids[2:]
    assert equations.counters(client, 16)["found"] == {1: 5}
    assert not client.exists(streams.keys(3).bounds)
    with pytest.raises(errors.LeaseLostError):
        queue.commit(lease, b"bounds", ids[1], [("committed:1", 2)])


def test_a_zombie_changes_nothing(
    queue: batches.Queue, client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    (entry_id,) = append(redis_server.url, {3: [payload()]}).values()
    zombie = acquired(queue)
    queue.bind(zombie, b"bounds")
    client.delete(streams.keys(3).lease)  # as if it had expired
    heir = acquired(queue)
    steps: list[Callable[[], object]] = [
        lambda: queue.renew(zombie, TTL_MS),
        lambda: queue.bind(zombie, b"other"),
        lambda: queue.commit(zombie, b"bounds", entry_id, [("committed:1", 1)]),
    ]
    for step in steps:
        with pytest.raises(errors.LeaseLostError, match="Stream 3 was taken over"):
            step()
    queue.release(zombie)
    assert client.exists(streams.keys(3).lease)
    queue.commit(heir, b"bounds", entry_id, [("committed:1", 1)])
    assert equations.backlog(client, 16) == 0


def test_a_lapsed_lease_that_nobody_took_is_taken_back(
    queue: batches.Queue, client: redis_sync.Redis
) -> None:
    lease = acquired(queue)
    client.delete(streams.keys(3).lease)
    queue.renew(lease, TTL_MS)
    assert queue.acquire(3, TTL_MS) is None


def test_a_redis_that_forgot_the_last_lease_does_not_give_its_token_again(
    queue: batches.Queue, client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    append(redis_server.url, {3: [payload()]})
    queue.release(acquired(queue))
    earlier: dict[Any, Any] = {name: client.dump(name) for name in client.scan_iter()}
    frozen = acquired(queue)
    queue.bind(frozen, b"one batch")
    client.flushall()
    for name, value in earlier.items():  # as after a failover to a replica that lagged, or from a backup
        client.restore(name, 0, value)
    newer = acquired(queue)
    assert newer.token > frozen.token
    queue.bind(newer, b"another batch")
    with pytest.raises(errors.LeaseLostError):
        queue.begin(frozen, TTL_MS)
    with pytest.raises(errors.LeaseLostError):
        queue.bind(frozen, b"one batch")
    queue.begin(newer, TTL_MS)


def test_tokens_grow_beyond_those_of_a_clock_that_was_ahead(
    queue: batches.Queue, client: redis_sync.Redis
) -> None:
    ahead = 4_000_000_000_000_000
    client.set(streams.keys(3).fence, ahead)
    first = acquired(queue)
    queue.release(first)
    assert (first.token, acquired(queue).token) == (ahead + 1, ahead + 2)
