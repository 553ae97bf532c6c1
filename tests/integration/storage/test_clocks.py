"""Clocks that are wrong for a moment: what a real Redis holds afterwards, and that it blocks nothing.

Nothing here sets the clock of a machine. As seen from an edge and from maintenance that are both hours behind
Redis' clock is hours ahead, and what was stored by it is made as such a moment leaves it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio

from storage.limits import decisions, exhausted_quotas
from storage.projects import partitions
from storage.queue import appenders, appends, batches, drift, envelope, streams
from storage.servers import clocks
from tests.integration.storage.limits import decider, exhausted, granted, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis as redis_sync

    from tests.helpers import harness

HOUR_S = 3600
SHARD = 3
PAYLOAD = envelope.Payload(1, "k", "", "", "", "", 0, b"{}")


@pytest.fixture
def began() -> float:
    """When the test began: what is told of now lies between then and the moment in which it is looked at."""
    return time.time()


def is_now(found_ms: float, began: float, ahead_s: float = 0) -> bool:
    """Say whether a clock that is ahead by so much could have told this since the test began."""
    return began * 1000 - 1 <= found_ms - ahead_s * 1000 <= time.time() * 1000 + 1


def append(client: redis_sync.Redis, clock: Callable[[], float] = time.time) -> streams.StoredEntry:
    """Append one payload by this clock of the producer's, and return its entry."""
    entry_id = appenders.Appender(client, clock).append({SHARD: [PAYLOAD]})[SHARD]
    (stored,) = batches.Queue(client).read_between(SHARD, entry_id, entry_id)
    return stored


def tell(client: redis_sync.Redis, ahead_s: float) -> None:
    """Tell a time of maintenance's that is ahead of Redis'."""
    client.set(clocks.KEY, int((time.time() + ahead_s) * 1000))


def drain(client: redis_sync.Redis) -> None:
    """Take everything out of the stream, as a commit does."""
    client.xtrim(streams.keys(SHARD).stream, maxlen=0)


def milliseconds(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


@pytest.mark.parametrize("producer_s", [-6 * HOUR_S, 0, 6 * HOUR_S])
@pytest.mark.parametrize("told_s", [-6 * HOUR_S, 0, 6 * HOUR_S])
def test_an_entry_is_dated_by_the_median_of_three_clocks(
    client: redis_sync.Redis, began: float, producer_s: int, told_s: int
) -> None:
    """Redis' clock is the one that reads 0: wrong where the two others agree on something else."""
    tell(client, told_s)
    stored = append(client, lambda: time.time() + producer_s)
    expected = sorted((producer_s, told_s, 0))[1]
    assert is_now(stored.received_ms, began, expected)
    assert is_now(milliseconds(stored.id), began, min(expected, 0))


def test_without_maintenance_the_earlier_clock_dates_an_entry(client: redis_sync.Redis, began: float) -> None:
    assert is_now(append(client, lambda: time.time() + HOUR_S).received_ms, began)


def test_ids_do_not_run_away_with_the_clock_of_redis(client: redis_sync.Redis) -> None:
    """The clock of Redis is six hours ahead while edges with clocks of their own append, and goes back."""
    tell(client, -6 * HOUR_S)
    true = time.time() - 6 * HOUR_S
    at = [true, true + 3, true + 1, true + 1, true + 4]
    ids = [append(client, lambda second=second: second).id for second in at]  # type: ignore[misc]
    assert sorted(ids, key=lambda entry_id: [int(part) for part in entry_id.split("-")]) == ids
    assert max(map(milliseconds, ids)) <= (true + 4) * 1000
    assert not drift.find(client, [SHARD])


def test_a_stream_that_is_ahead_is_found_and_brought_back_when_it_is_empty(
    client: redis_sync.Redis, began: float
) -> None:
    append(client)
    ahead_ms = int(time.time() * 1000) + 6 * HOUR_S * 1000
    client.xadd(streams.keys(SHARD).stream, {"n": "1 1", "p": "x"}, id=f"{ahead_ms}-0")
    after = append(client)
    assert after.id == f"{ahead_ms}-1"
    assert is_now(after.received_ms, began)
    found = drift.find(client, range(16), mend=True)
    assert {shard: one.mended for shard, one in found.items()} == {SHARD: False}
    assert is_now(ahead_ms - found[SHARD].ahead_ms, began)
    drain(client)
    client.set(streams.keys(SHARD).bounds, "of a batch under work")
    assert not drift.find(client, [SHARD], mend=True)[SHARD].mended
    client.delete(streams.keys(SHARD).bounds)
    assert not drift.find(client, [SHARD])[SHARD].mended, "who only looks changes nothing"
    assert drift.find(client, [SHARD], mend=True)[SHARD].mended
    assert not drift.find(client, [SHARD])
    assert is_now(milliseconds(append(client).id), began)


def test_a_stream_at_the_end_of_all_numbers_takes_entries_again(
    client: redis_sync.Redis, began: float
) -> None:
    client.xadd(
        streams.keys(SHARD).stream, {"n": "", "p": ""}, id="18446744073709551615-18446744073709551615"
    )
    drain(client)
    assert drift.find(client, [SHARD], mend=True)[SHARD].mended
    assert is_now(milliseconds(append(client).id), began)


def test_no_id_is_given_twice_however_often_a_clock_is_ahead(client: redis_sync.Redis) -> None:
    """Ids of the same milliseconds are made again and again, each time after the stream was brought back."""
    given: list[str] = []
    for turn in range(4):
        base = time.time() - 12 * HOUR_S
        for offset_s in (-6 * HOUR_S, -6 * HOUR_S + 0.002):
            tell(client, offset_s - 6 * HOUR_S)
            given += [append(client, lambda at=base + offset_s: at).id for _ in range(3)]  # type: ignore[misc]
        drain(client)
        given.append(append(client).id)
        drain(client)
        # For a clock that is a day behind the stream is a day ahead.
        client.incr(appends.GENERATION_KEY)
        back = f"{int(base * 1000) - 86_400_000}-{(turn + 1) << 32}"
        execute: Callable[..., Any] = client.execute_command
        execute("XSETID", streams.keys(SHARD).stream, back)
    assert len(given) == len(set(given)) == 28
    assert int(client.get(appends.GENERATION_KEY) or 0) == 4


@pytest.mark.parametrize("ahead_s", [HOUR_S, 6 * HOUR_S, 20 * HOUR_S, 3 * 24 * HOUR_S])
@pytest.mark.parametrize("setting", ["quota_per_minute", "quota_per_day", "key_quota_per_day"])
def test_what_was_charged_to_a_time_to_come_blocks_nothing(
    client: redis_sync.Redis, setting: str, ahead_s: int
) -> None:
    limit, now = {setting: 10}, int(time.time())
    granted(client, "ahead", now + ahead_s, 10, **limit)
    granted(client, "ahead", now + ahead_s, 20, **limit)
    assert granted(client, "now", now, 10, **limit) == decisions.Grant(10, "")
    assert granted(client, "later", int(time.time()), 1, **limit).reports == 0
    assert all(one.until_s <= time.time() + 86_400 + 1_800 for one in exhausted(client))


def test_a_slightly_fast_clock_still_counts(client: redis_sync.Redis) -> None:
    now = int(time.time())
    assert granted(client, "a", now + 5, 10, quota_per_minute=10).reports == 10
    assert granted(client, "b", now, 10, quota_per_minute=10).reports == 0


def test_edges_do_not_believe_that_a_quota_is_used_up_for_longer_than_its_span(
    client: redis_sync.Redis, redis_server: harness.RedisServer, began: float
) -> None:
    now = began
    believed = {"1 project_minute 10 ": now + 50, "2 key_day 10 k": now + 80_000}
    client.zadd(exhausted_quotas.EXHAUSTED_KEY, {**believed, "3 project_minute 10 ": now + 21_573})
    client.zadd(exhausted_quotas.EXHAUSTED_KEY, {"4 project_day 10 ": now + 2 * 86_400})
    tell(client, 7)

    async def scenario() -> exhausted_quotas.ExhaustedQuotas:
        async with redis.asyncio.Redis.from_url(redis_server.url) as edge:
            return await exhausted_quotas.load(edge)

    asyncio.run(scenario())
    assert {one.project_id for one in exhausted(client)} == {1, 2}, "nor will they when that time comes"
    limits = asyncio.run(scenario())
    assert {one.project_id for one in limits.exhausted} == {1, 2}
    assert is_now(limits.redis_s * 1000, began)
    assert is_now(limits.told_s * 1000, began, 7)


def test_a_shard_that_was_ahead_takes_no_part_of_the_budget_afterwards(client: redis_sync.Redis) -> None:
    now = int(time.time())
    minute = now - now % 60
    for shard in range(4, 12):
        ahead = decisions.Want(minute + 6 * HOUR_S, minute + 6 * HOUR_S + 59, 0, 5)
        decider(client, "ahead", shard).share_budget(1, settings(sample_budget=6_000), [ahead])
    client.zadd(
        "headrace:limits:{1}:budget:shards", {f"left by an earlier release {n}": now + 9_999 for n in "ab"}
    )
    shards: Any = client.zrange("headrace:limits:{1}:budget:shards", 0, -1)
    for name in shards:
        if b"rulings" in name:
            client.zadd("headrace:limits:{1}:budget:shards", {name: now - HOUR_S})  # an hour later
    want = decisions.Want(minute - 60, minute - 1, 0, 10_000)
    given = decider(client, "now").share_budget(1, settings(sample_budget=6_000), [want])
    assert given[minute - 60] > 5_000


def test_a_clock_that_is_ahead_takes_nobodys_partition(client: redis_sync.Redis) -> None:
    now_ms = int(time.time() * 1000)
    real = [("prod", f"{number}") for number in range(40)]
    partitions.restore(client, {})

    def refused(pairs: list[partitions.Pair], at_ms: int) -> list[partitions.Pair]:
        limits = partitions.PairLimits(40)
        return list(partitions.admit(client, 1, pairs, limits, now_ms=at_ms).refused)

    for start in range(0, 40, 10):
        assert not refused(real[start : start + 10], now_ms - (4 - start // 10) * HOUR_S * 1000)
    later_ms = now_ms + 30 * 86_400_000
    assert not refused(real[:3], later_ms)
    assert refused([("prod", "new")], later_ms), "only a partition that is gone makes room"
    assert not refused(real, now_ms)
    scored: Any = client.zrange(partitions.keys(1)[0], 0, -1, withscores=True)
    scores = [score for _, score in scored]
    assert max(scores) <= (time.time() * 1000) + clocks.SLACK_MS


def test_the_latest_clock_bounds_and_the_earliest_one_removes(client: redis_sync.Redis, began: float) -> None:
    assert is_now(clocks.latest_ms(client, lambda: 0.0), began)
    tell(client, HOUR_S)
    assert is_now(clocks.latest_ms(client), began, HOUR_S)
    assert clocks.latest_ms(client, lambda: 9e9) == 9_000_000_000_000
    client.set(clocks.KEY, "no number")
    assert is_now(clocks.latest_ms(client), began)
