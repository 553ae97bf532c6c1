"""Drains and the dispatcher during a pause: they wait quietly, and nothing is lost or counted as failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.queue import batches, isolation, pause, streams
from tests.integration.workers import drains
from workers.draining import drain
from workers.failures import failpoints
from workers.process import dispatcher

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration


def test_a_drain_that_meets_a_pause_ends_and_the_next_one_goes_on(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    drains.append_reports(client)
    with pause.drains(client, drains.SHARDS) as held:
        assert drains.drainer(client, server).drain(drains.SHARD) == drain.Drained(0, 0, 0)
        held.require()
    drains.drain_innocent(client, server)


def test_a_drain_whose_batch_was_planned_before_a_pause_plans_it_again(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drains.append_reports(client)
    hit = failpoints.hit

    def paused(name: str) -> None:
        if name == "before_bounds":
            with pause.drains(client, drains.SHARDS):
                pass
        hit(name)

    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "hit", paused)
        assert drains.drainer(client, server).drain(drains.SHARD) == drain.Drained(0, 0, 0)
    assert not client.exists(streams.keys(drains.SHARD).bounds)
    drains.drain_innocent(client, server)


def test_a_batch_of_an_earlier_release_waits_without_an_attempt(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    drains.append_reports(client)
    failpoints.arm("after_bounds=raise@1")
    with pytest.raises(failpoints.FailpointError):
        drains.drainer(client, server).drain(drains.SHARD)
    failpoints.arm("")
    names = streams.keys(drains.SHARD)
    bounds = client.getdel(names.bounds)
    assert bounds
    with pause.drains(client, drains.SHARDS):
        client.set(names.bounds, bounds)
        with pytest.raises(pause.PausedError):
            drains.drainer(client, server).drain(drains.SHARD)
        assert not client.exists(names.attempts)
        assert server.execute("SELECT count() FROM policies") == [(0,)]
    drains.drain_innocent(client, server)


def test_the_dispatcher_makes_jobs_in_a_pause_only_for_batches_under_way(client: redis.Redis) -> None:
    now = 0.0
    dispatching = dispatcher.Dispatcher(client, drains.SHARDS, lambda: now)
    isolated = isolation.isolated_stream(drains.SHARD, drains.SHARDS)
    for stream in (drains.SHARD, isolated):
        drains.append_reports(client, shard=stream)
    with pause.drains(client, drains.SHARDS):
        assert dispatching.tick() == 0
    queue = batches.Queue(client)
    lease = queue.acquire(isolated, 10_000)
    assert lease
    queue.bind(lease, b"bounds")
    queue.release(lease)
    client.set(pause.KEY, 1, px=10_000)
    assert dispatching.tick() == 1
    client.delete(pause.KEY)
    assert dispatching.tick() == 1
