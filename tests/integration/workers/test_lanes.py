"""The lanes aside, over a real Redis: who is told, and who is drained first."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
import redis.asyncio
import rq
import rq.serializers

from storage.ledger import equations
from storage.queue import envelope, isolation, streams
from workers import jobs
from workers.draining import batch
from workers.process import fairness
from workers.process import sweeper as dispatcher

if TYPE_CHECKING:
    from tests.helpers import harness

pytestmark = pytest.mark.integration

SHARDS = 2
LOUD, QUIET = 1, 2


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sweeper(client: redis.Redis, clock: Clock) -> dispatcher.Sweeper:
    return dispatcher.Sweeper(client, SHARDS, clock)


def append(client: redis.Redis, stream: int, project: int, payloads: int) -> None:
    payload = envelope.Payload(project, "key", "", "", "", "", 0, b"{}")
    streams.Appender(client).append({stream: [payload] * payloads})


def waiting_jobs(client: redis.Redis) -> list[str]:
    queue = rq.Queue(jobs.QUEUE, connection=client, serializer=rq.serializers.JSONSerializer)
    return list(queue.job_ids)


def test_everybodys_lanes_are_drained_first(client: redis.Redis, sweeper: dispatcher.Sweeper) -> None:
    for shard in range(SHARDS):
        append(client, isolation.isolated_stream(shard, SHARDS), LOUD, 1)
    append(client, 1, QUIET, 1)
    assert sweeper.tick() == 1
    assert waiting_jobs(client) == [jobs.job_id(1)]
    client.delete(f"rq:queue:{jobs.QUEUE}")  # a worker took the job
    assert [sweeper.tick(), sweeper.tick()] == [1, 0]
    assert waiting_jobs(client) == [jobs.job_id(isolation.isolated_stream(0, SHARDS))]


def test_where_only_a_loud_project_waits_gives_way(client: redis.Redis, clock: Clock) -> None:
    patient: set[int] = set()
    sweeper = dispatcher.Sweeper(client, SHARDS, clock, lambda: frozenset(patient))
    append(client, 0, LOUD, 1)
    append(client, 1, LOUD, 1)
    assert sweeper.tick() == 2
    patient.update({0, 1})
    assert sweeper.tick() == 0
    assert waiting_jobs(client) == [jobs.job_id(1)], "what alone waits may stay"
    append(client, 0, QUIET, 1)
    patient.remove(0)
    clock.now += dispatcher.INTERVAL_S
    assert sweeper.tick() == 1
    sweeper.tick()
    assert waiting_jobs(client) == [jobs.job_id(0)]
    assert not client.exists(f"rq:job:{jobs.job_id(1)}")


def test_no_shard_starves_when_workers_are_few(client: redis.Redis, sweeper: dispatcher.Sweeper) -> None:
    append(client, 1, QUIET, 1)
    sweeper.tick()
    append(client, 0, QUIET, 1)
    sweeper.tick()
    assert waiting_jobs(client) == [jobs.job_id(1), jobs.job_id(0)]


def test_the_ledger_counts_every_lane(client: redis.Redis) -> None:
    append(client, 0, LOUD, 2)
    append(client, isolation.isolated_stream(0, SHARDS), LOUD, 3)
    assert equations.backlog(client, SHARDS) == 5
    waiting = equations.waiting(client, isolation.every(SHARDS))
    assert fairness.loads(waiting, SHARDS) == {LOUD: fairness.Load(5, 2, 3)}


def test_what_is_left_from_more_shards_is_drained_and_counted(
    client: redis.Redis, sweeper: dispatcher.Sweeper
) -> None:
    append(client, 9, LOUD, 3)
    assert equations.backlog(client, SHARDS) == 3
    assert isolation.present(client, SHARDS) == [0, 1, 2, 3, 9]
    assert isolation.present(client, isolation.MOST_SHARDS) == [*isolation.every(isolation.MOST_SHARDS)]
    assert sweeper.tick() == 1
    assert waiting_jobs(client) == [jobs.job_id(9)]


def test_edges_are_told_who_is_set_aside(
    client: redis.Redis, redis_server: harness.RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "ASIDE_AT", 10)
    monkeypatch.setattr(fairness, "GLANCE_ENTRIES", 1)
    judge = fairness.Fairness(time.monotonic)
    append(client, 0, LOUD, 10)
    append(client, 0, QUIET, 1)
    fairness.step(client, SHARDS, judge)
    append(client, 0, QUIET, 1)
    fairness.step(client, SHARDS, judge)
    assert asyncio.run(told(redis_server.url)) == {LOUD}


def test_nothing_is_asked_while_little_waits(client: redis.Redis) -> None:
    append(client, 0, LOUD, 10)
    judge = fairness.Fairness(time.monotonic)
    fairness.step(client, SHARDS, judge)  # who sends at all
    client.delete(isolation.KEY)
    fairness.step(client, SHARDS, judge)
    assert not client.exists(isolation.KEY)


def test_what_payloads_cost_is_told_to_maintenance(client: redis.Redis) -> None:
    small = envelope.Payload(QUIET, "key", "", "", "", "", 0, b"x" * 10)
    large = envelope.Payload(LOUD, "key", "", "", "", "", 0, b"x" * 480)
    entries = [envelope.Entry("1-1", [small, small, large]), envelope.Entry("1-2", [large])]
    costs = batch.costs(entries, 0.98)
    assert costs == {LOUD: 480_000}, "the other one's part is a guess"
    isolation.note_costs(client, costs)
    assert isolation.costs(client, [QUIET, LOUD]) == costs
    assert all(
        0 < client.ttl(f"{isolation.COSTS_KEY}:{project}") <= isolation.COSTS_TTL_S for project in costs
    )


async def told(url: str) -> frozenset[int]:
    async with redis.asyncio.Redis.from_url(url) as edge:
        return await isolation.load(edge)
