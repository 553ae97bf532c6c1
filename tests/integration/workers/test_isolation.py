"""Isolated streams, over a real Redis: which projects use them, and which streams are drained first."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
import redis.asyncio
import rq
import rq.serializers

from storage.ledger import equations
from storage.queue import appenders, envelope, isolation
from tests.helpers import clocks
from workers import jobs
from workers.draining import batch
from workers.process import dispatcher, fairness

if TYPE_CHECKING:
    from tests.helpers import harness

pytestmark = pytest.mark.integration

SHARDS = 2
NOISY, QUIET = 1, 2


@pytest.fixture
def clock() -> clocks.FakeClock:
    return clocks.FakeClock()


@pytest.fixture
def dispatching(client: redis.Redis, clock: clocks.FakeClock) -> dispatcher.Dispatcher:
    return dispatcher.Dispatcher(client, SHARDS, clock)


def append(client: redis.Redis, stream: int, project: int, payloads: int) -> None:
    payload = envelope.Payload(project, "key", "", "", "", "", 0, b"{}")
    appenders.Appender(client).append({stream: [payload] * payloads})


def waiting_jobs(client: redis.Redis) -> list[str]:
    queue = rq.Queue(jobs.QUEUE, connection=client, serializer=rq.serializers.JSONSerializer)
    return list(queue.job_ids)


def test_shared_streams_are_drained_first(client: redis.Redis, dispatching: dispatcher.Dispatcher) -> None:
    for shard in range(SHARDS):
        append(client, isolation.isolated_stream(shard, SHARDS), NOISY, 1)
    append(client, 1, QUIET, 1)
    assert dispatching.tick() == 1
    assert waiting_jobs(client) == [jobs.job_id(1)]
    client.delete(f"rq:queue:{jobs.QUEUE}")  # a worker took the job
    assert [dispatching.tick(), dispatching.tick()] == [1, 0]
    assert waiting_jobs(client) == [jobs.job_id(isolation.isolated_stream(0, SHARDS))]


def test_a_stream_in_which_only_a_noisy_project_waits_gives_way(
    client: redis.Redis, clock: clocks.FakeClock
) -> None:
    low_priority: set[int] = set()
    dispatching = dispatcher.Dispatcher(client, SHARDS, clock, lambda: frozenset(low_priority))
    append(client, 0, NOISY, 1)
    append(client, 1, NOISY, 1)
    assert dispatching.tick() == 2
    low_priority.update({0, 1})
    assert dispatching.tick() == 0
    assert waiting_jobs(client) == [jobs.job_id(1)], "what alone waits may stay"
    append(client, 0, QUIET, 1)
    low_priority.remove(0)
    clock.now += dispatcher.INTERVAL_S
    assert dispatching.tick() == 1
    dispatching.tick()
    assert waiting_jobs(client) == [jobs.job_id(0)]
    assert not client.exists(f"rq:job:{jobs.job_id(1)}")


def test_no_shard_starves_when_workers_are_few(
    client: redis.Redis, dispatching: dispatcher.Dispatcher
) -> None:
    append(client, 1, QUIET, 1)
    dispatching.tick()
    append(client, 0, QUIET, 1)
    dispatching.tick()
    assert waiting_jobs(client) == [jobs.job_id(1), jobs.job_id(0)]


def test_the_ledger_counts_every_stream(client: redis.Redis) -> None:
    append(client, 0, NOISY, 2)
    append(client, isolation.isolated_stream(0, SHARDS), NOISY, 3)
    assert equations.backlog(client, SHARDS) == 5
    waiting = equations.waiting(client, isolation.every(SHARDS))
    assert fairness.project_loads(waiting, SHARDS) == {NOISY: fairness.ProjectLoad(5, 2, 3)}


def test_what_is_left_from_more_shards_is_drained_and_counted(
    client: redis.Redis, dispatching: dispatcher.Dispatcher
) -> None:
    append(client, 9, NOISY, 3)
    assert equations.backlog(client, SHARDS) == 3
    assert isolation.present(client, SHARDS) == [0, 1, 2, 3, 9]
    assert isolation.present(client, isolation.MOST_SHARDS) == [*isolation.every(isolation.MOST_SHARDS)]
    assert dispatching.tick() == 1
    assert waiting_jobs(client) == [jobs.job_id(9)]


def test_edges_are_told_which_projects_are_isolated(
    client: redis.Redis, redis_server: harness.RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "ISOLATE_AT", 10)
    monkeypatch.setattr(fairness, "FEW_ENTRIES", 1)
    fair = fairness.Fairness(time.monotonic)
    append(client, 0, NOISY, 10)
    append(client, 0, QUIET, 1)
    fairness.update_isolation(client, SHARDS, fair)
    append(client, 0, QUIET, 1)
    fairness.update_isolation(client, SHARDS, fair)
    assert asyncio.run(isolated_projects(redis_server.url)) == {NOISY}


def test_nothing_is_asked_while_little_waits(client: redis.Redis) -> None:
    append(client, 0, NOISY, 10)
    fair = fairness.Fairness(time.monotonic)
    fairness.update_isolation(client, SHARDS, fair)  # which projects send at all
    client.delete(isolation.KEY)
    fairness.update_isolation(client, SHARDS, fair)
    assert not client.exists(isolation.KEY)


def test_what_payloads_cost_is_told_to_maintenance(client: redis.Redis) -> None:
    small = envelope.Payload(QUIET, "key", "", "", "", "", 0, b"x" * 10)
    large = envelope.Payload(NOISY, "key", "", "", "", "", 0, b"x" * 480)
    entries = [envelope.Entry("1-1", [small, small, large]), envelope.Entry("1-2", [large])]
    costs = batch.payload_costs(entries, 0.98)
    assert costs == {NOISY: 480_000}, "the other one's part is a guess"
    isolation.note_costs(client, costs)
    assert isolation.costs(client, [QUIET, NOISY]) == costs
    assert all(
        0 < client.ttl(f"{isolation.COSTS_KEY}:{project}") <= isolation.COSTS_TTL_S for project in costs
    )


async def isolated_projects(url: str) -> frozenset[int]:
    async with redis.asyncio.Redis.from_url(url) as edge:
        return await isolation.load(edge)
