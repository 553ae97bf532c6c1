"""Clocks that are set back. Nothing here rests on them but the ids of entries and the life of a lease.

Setting the clock of a test machine back would hit everything else on it. Instead, what Redis holds after such
a jump is made: a newest entry, or the end of a lease, that lies in the future.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from storage import clickhouse, streams
from tests.integration.workers import test_drain
from workers import dispatcher, drain, jobs

if TYPE_CHECKING:
    import redis

HOUR_MS = 3_600_000
SHARD = test_drain.SHARD


def set_back_under_a_lease(client: redis.Redis) -> None:
    """Make the shard's lease end in an hour, as if Redis' clock had been set back by one."""
    assert client.pexpire(streams.keys(SHARD).lease, HOUR_MS)


def test_entries_keep_their_order_and_are_drained(client: redis.Redis, server: clickhouse.Connection) -> None:
    first = test_drain.append(client, test_drain.payload(test_drain.report(0)))
    ((_, fields),) = client.xrange(streams.keys(SHARD).stream)
    ahead = f"{int(first.partition('-')[0]) + HOUR_MS}-0"
    client.xadd(streams.keys(SHARD).stream, fields, id=ahead)
    client.hincrby(streams.keys(SHARD).ledger, "acknowledged:1", 1)
    after = [test_drain.append(client, test_drain.payload(test_drain.report(number))) for number in range(9)]
    assert after == [f"{ahead[:-2]}-{number}" for number in range(1, 10)]
    drainer = drain.Drainer(streams.Queue(client), client, server, time.monotonic)
    assert drainer.drain(SHARD).payloads == 11
    assert test_drain.balanced(server, client).seen == 11


def test_the_lease_of_a_dead_drainer_ends_all_the_same(client: redis.Redis) -> None:
    queue = streams.Queue(client)
    assert queue.acquire(SHARD, 200)
    set_back_under_a_lease(client)
    assert queue.acquire(SHARD, 200) is None
    assert 0 < client.pttl(streams.keys(SHARD).lease) <= 200
    time.sleep(0.25)
    assert queue.acquire(SHARD, 200)


def test_the_lease_of_a_live_drainer_is_kept(client: redis.Redis) -> None:
    queue = streams.Queue(client)
    held = queue.acquire(SHARD, 60_000)
    assert held
    set_back_under_a_lease(client)
    queue.renew(held, 60_000)
    assert queue.acquire(SHARD, 60_000) is None
    queue.renew(held, 60_000)
    assert client.pttl(streams.keys(SHARD).lease) <= 60_000


def test_the_job_of_a_dead_drainer_is_replaced(client: redis.Redis) -> None:
    """Its work horse died together with its worker, while its lease seems to last for an hour."""
    now = 1000.0
    sweeper = dispatcher.Dispatcher(client, test_drain.SHARDS, lambda: now)
    test_drain.append(client, test_drain.payload(test_drain.report()))
    assert sweeper.tick() == 1
    client.delete(f"rq:queue:{jobs.QUEUE}")  # a worker took the job, and the lease
    assert streams.Queue(client).acquire(SHARD, 10_000)
    now += dispatcher.ORPHAN_S + 1
    assert sweeper.tick() == 0
    set_back_under_a_lease(client)
    for _ in range(2):
        now += dispatcher.ORPHAN_S + 1
        replaced = sweeper.tick()
    assert replaced == 1
