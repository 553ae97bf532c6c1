"""Clocks that are ahead for a moment, or are set back, and what is drained meanwhile and afterwards.

Setting the clock of a test machine would hit everything else on it. Instead, what Redis holds after such a
jump is made: entries, counters or the end of a lease that lie in the future.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

import pytest

from storage.limits import exhausted_quotas, limit_decider
from storage.projects import project_settings
from storage.queue import batches, drift, streams
from storage.servers import clickhouse, clocks
from tests.helpers import waiting
from tests.integration.workers import drains
from workers import jobs
from workers.draining import drain
from workers.failures import failpoints
from workers.process import dispatcher

if TYPE_CHECKING:
    import redis

HOUR_MS = 3_600_000
SHARD = drains.SHARD


def put_ahead(client: redis.Redis, payloads: int, ahead_ms: int = 6 * HOUR_MS) -> None:
    """Make the newest entry one of an earlier release that Redis stored when its clock was ahead."""
    drains.append(client, *(drains.payload(drains.report(number)) for number in range(payloads)))
    newest: Any = client.xrevrange(streams.keys(SHARD).stream, count=1)
    ((entry_id, fields),) = newest
    client.xdel(streams.keys(SHARD).stream, entry_id)
    del fields[b"t"]
    milliseconds = int(entry_id.partition(b"-")[0]) + ahead_ms
    client.xadd(streams.keys(SHARD).stream, fields, id=f"{milliseconds}-0")


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def set_back_under_a_lease(client: redis.Redis) -> None:
    """Make the shard's lease end in an hour, as if Redis' clock had been set back by one."""
    assert client.pexpire(streams.keys(SHARD).lease, HOUR_MS)


def test_entries_keep_their_order_and_are_drained(client: redis.Redis, server: clickhouse.Connection) -> None:
    first = drains.append(client, drains.payload(drains.report(0)))
    entries: Any = client.xrange(streams.keys(SHARD).stream)
    ((_, fields),) = entries
    ahead = f"{int(first.partition('-')[0]) + HOUR_MS}-0"
    client.xadd(streams.keys(SHARD).stream, fields, id=ahead)
    client.hincrby(streams.keys(SHARD).ledger, "acknowledged:1", 1)
    after = [drains.append(client, drains.payload(drains.report(number))) for number in range(9)]
    assert after == [f"{ahead[:-2]}-{number}" for number in range(1, 10)]
    drainer = drain.Drainer(batches.Queue(client), client, server, time.monotonic)
    assert drainer.drain(SHARD).payloads == 11
    assert drains.balanced(server, client).seen == 11


def test_rows_are_dated_no_later_than_their_batch(client: redis.Redis, server: clickhouse.Connection) -> None:
    put_ahead(client, 3)
    drains.append(client, drains.payload(drains.report(9)))
    drains.drainer(client, server).drain(SHARD)
    assert drains.balanced(server, client).seen == 4
    for column, table in (("last_seen", "reports"), ("minute", "outcomes"), ("committed", "receipts")):
        sql = f"SELECT min({column}), max({column}) FROM {table}"  # noqa: S608 - names of ours
        ((first, last),) = server.execute(sql)
        assert now() - dt.timedelta(minutes=5) < first <= last <= now()


def test_a_batch_that_is_repeated_gives_the_same_rows(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    """The times of a batch are bounded by the clock when it was bound, not when it is repeated."""
    drains.limit(client, quota_per_minute=100, dedupe_window=0)
    put_ahead(client, 3)
    for point in ("after_bounds", "after_reports", "before_commit"):
        failpoints.arm(f"{point}=raise@1")
        with pytest.raises(failpoints.FailpointError):
            drains.drainer(client, server).drain(SHARD)
        failpoints.arm("")
        client.delete(streams.keys(SHARD).attempts)
    drains.drainer(client, server).drain(SHARD)
    assert drains.balanced(server, client).seen == 3
    assert server.execute("SELECT count(), uniqExact(last_seen) FROM reports") == [(3, 1)]


def test_after_a_clock_was_ahead_quotas_are_usable_at_once(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    """The counters were filled, and the edges told, while it was."""
    drains.limit(client, quota_per_minute=20, quota_per_day=1_000)
    ahead_s = int(time.time()) + 6 * HOUR_MS // 1000
    before = limit_decider.LimitDecider(
        client, batches.StreamLease(SHARD, 0, None, 0, begun=False), "ahead", lambda: ahead_s
    )
    limits = project_settings.ProjectSettings(quota_per_minute=20, quota_per_day=1_000)
    assert before.grant(1, limits, {(ahead_s, "key"): 1_000})[ahead_s, "key"].reports == 20
    before.forget()
    client.zadd(exhausted_quotas.EXHAUSTED_KEY, {"1 project_minute 20 ": ahead_s + 61})
    put_ahead(client, 5)
    received = time.time()
    for start in range(0, 40, 10):
        drains.append_reports(client, 10, first=start, clock=lambda: received)
        drains.drainer(client, server).drain(SHARD)
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (45, 20)
    members: Any = client.zrange(exhausted_quotas.EXHAUSTED_KEY, 0, -1, withscores=True)
    told = exhausted_quotas.read(members)
    (minute,) = [one for one in told if one.is_credible(time.time())]
    assert minute.until_s - time.time() <= 62


def test_maintenance_tells_its_clock_and_brings_streams_back(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    wall = time.time() + 5
    dispatching = dispatcher.Dispatcher(client, drains.SHARDS, lambda: 1000.0, wall=lambda: wall)
    put_ahead(client, 2)
    dispatching.tick()
    assert client.get(clocks.KEY) == b"%d" % int(wall * 1000)
    assert drift.find(client, [SHARD])
    drains.drainer(client, server).drain(SHARD)
    dispatching.tick()
    assert not drift.find(client, [SHARD])
    before = time.time()
    receipt = drains.append(client, drains.payload(drains.report(5)))
    assert before - 1 < int(receipt.partition("-")[0]) / 1000 < time.time() + 6  # maintenance is ahead by 5
    drains.drainer(client, server).drain(SHARD)
    assert drains.balanced(server, client).seen == 3
    ((rows,),) = server.execute("SELECT uniqExact(ms, seq) FROM receipts")
    assert rows == 2


def test_maintenance_works_while_redis_is_full(client: redis.Redis) -> None:
    dispatching = dispatcher.Dispatcher(client, drains.SHARDS, time.monotonic)
    limit: Any = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        assert dispatching.tick() == 0
    finally:
        client.config_set("maxmemory", limit)


def test_the_lease_of_a_dead_drainer_ends_all_the_same(client: redis.Redis) -> None:
    queue = batches.Queue(client)
    assert queue.acquire(SHARD, 60_000)
    set_back_under_a_lease(client)
    assert queue.acquire(SHARD, 60_000) is None
    assert 0 < client.pttl(streams.keys(SHARD).lease) <= 60_000
    assert queue.acquire(SHARD, 1) is None
    waiting.until(lambda: queue.acquire(SHARD, 60_000), "the lease ends")


def test_the_lease_of_a_live_drainer_is_kept(client: redis.Redis) -> None:
    queue = batches.Queue(client)
    held = queue.acquire(SHARD, 60_000)
    assert held
    set_back_under_a_lease(client)
    queue.renew(held, 60_000)
    assert queue.acquire(SHARD, 60_000) is None
    queue.renew(held, 60_000)
    assert client.pttl(streams.keys(SHARD).lease) <= 60_000


def test_the_job_of_a_dead_drainer_is_replaced(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job process died together with its worker, while the lease seems to last for an hour."""
    monkeypatch.setattr(dispatcher, "LEASE_MS", 600_000)
    now = 1000.0
    dispatching = dispatcher.Dispatcher(client, drains.SHARDS, lambda: now)
    drains.append(client, drains.payload(drains.report()))
    assert dispatching.tick() == 1
    client.delete(f"rq:queue:{jobs.QUEUE}")  # a worker took the job, and the lease
    assert batches.Queue(client).acquire(SHARD, dispatcher.LEASE_MS)
    now += dispatcher.ORPHAN_S + 1
    assert dispatching.tick() == 0
    set_back_under_a_lease(client)
    for _ in range(2):
        now += dispatcher.ORPHAN_S + 1
        replaced = dispatching.tick()
    assert replaced == 1
