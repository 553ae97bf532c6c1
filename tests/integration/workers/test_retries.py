"""Reports that are sent again, over real servers: counted once, whatever is interrupted and run again."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from deploy.servers import backends
from storage import errors
from storage.ledger import equations
from storage.projects import model, registry
from storage.queue import batches, envelope, retry_memory
from tests.integration.workers import drains
from workers.draining import drain
from workers.failures import failpoints

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse
    from tests.helpers import harness

SHARD = drains.SHARD
ACCEPTED = ("accepted", "")
RESENT = ("filtered", "resent")


def upload(*ages_s: int, sender: int = 7) -> envelope.Payload:
    """Return an upload of one report for each age; the reports are equal but for that."""
    violation = json.loads(drains.report())["csp-report"]
    items = [
        {"age": age_s * 1000, "body": violation, "type": "csp-violation", "url": "https://shop.example/"}
        for age_s in ages_s
    ]
    return envelope.Payload(
        1, "key", "prod", "1.0", "agent", "application/reports+json", 0, json.dumps(items).encode(), sender
    )


@pytest.fixture
def drainer(client: redis.Redis, server: clickhouse.Connection) -> drain.Drainer:
    publish(client)
    return drain.Drainer(batches.Queue(client), client, server, time.monotonic)


def publish(client: redis.Redis) -> None:
    project = model.Project(id=1, name="shop", keys=("key",))
    client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(model.Snapshot(version=1, projects=(project,))))


def test_what_an_earlier_batch_counted_is_not_counted_again(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    drains.append(client, upload(5))
    drainer.drain(SHARD)
    drains.append(client, upload(66), upload(5, sender=8))
    drainer.drain(SHARD)
    assert drains.counted(server) == {ACCEPTED: 2, RESENT: 1}
    assert drains.balanced(server, client).seen == 2
    assert server.execute("SELECT count() FROM quarantine") == [(0,)]


@pytest.mark.parametrize("point", failpoints.POINTS)
def test_a_batch_that_is_run_again_decides_the_same(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection, point: str
) -> None:
    """The batch's own reports are counted by then, and must not be taken for retries."""
    drains.append(client, upload(5))
    drainer.drain(SHARD)
    drains.append(client, upload(5, 5), upload(66))
    failpoints.arm(f"{point}=raise@1")
    with contextlib.suppress(failpoints.FailpointError):
        drainer.drain(SHARD)
    failpoints.arm("")
    drains.append(client, upload(70))
    while equations.backlog(client, 16):
        drainer.drain(SHARD)
    assert drains.counted(server) == {ACCEPTED: 2, RESENT: 3}
    assert drains.balanced(server, client).found == 5


def test_a_memory_comes_back_as_it_was(client: redis.Redis) -> None:
    at = 1_760_000_000
    seen = {key: retry_memory.CountedReport(at + key % 3000, at) for key in (0, 2**64 - 1, *range(100, 5100))}
    retry_memory.note(client, SHARD, seen)
    keys = [*seen, 77]
    slices = retry_memory.slices(at + 3000, 3000)
    assert len(slices) == 4
    assert retry_memory.find(client, SHARD, dict.fromkeys(slices, keys)) == seen
    assert retry_memory.find(client, SHARD + 1, dict.fromkeys(slices, keys)) == {}
    assert retry_memory.find(client, SHARD, {}) == {}
    for number in slices[:3]:
        name = f"headrace:{{{SHARD}}}:resends:{number}"
        assert 2 * retry_memory.SLICE_S < client.ttl(name) <= 3 * retry_memory.SLICE_S


def test_a_memory_is_bounded(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_memory, "MOST", 2)
    at = 1_760_000_000
    for key in range(5):
        retry_memory.note(client, SHARD, {key: retry_memory.CountedReport(at, at)})
    assert set(retry_memory.find(client, SHARD, {at // retry_memory.SLICE_S: range(5)})) == {0, 1}


def test_a_redis_that_fills_up_remembers_nothing_more(client: redis.Redis) -> None:
    at = 1_760_000_000
    used = client.info("memory")["used_memory"]
    for maxmemory in (used, used * 2):  # it also is full, and takes no other write
        client.config_set("maxmemory", maxmemory)
        try:
            retry_memory.note(client, SHARD, {1: retry_memory.CountedReport(at, at)})
        finally:
            client.config_set("maxmemory", 0)
        assert retry_memory.find(client, SHARD, {at // retry_memory.SLICE_S: [1]}) == {}


def test_a_redis_that_is_away_is_told_from_a_defect() -> None:
    away = backends.connect_redis("redis://127.0.0.1:1/0")
    with pytest.raises(errors.RedisUnavailableError):
        retry_memory.find(away, SHARD, {1: [1]})
    with pytest.raises(errors.RedisUnavailableError):
        retry_memory.note(away, SHARD, {1: retry_memory.CountedReport(1, 1)})


def test_through_the_whole_system(system: harness.System) -> None:
    for body in (upload(1).body, upload(2).body, upload(0).body):
        system.post(body, content_type="application/reports+json", environment="again")
    for _ in range(2):
        system.post(drains.report(), environment="again")
    system.wait_drained()
    counts = (
        "SELECT outcome, reason, sum(quantity) AS n FROM outcomes WHERE environment = 'again' GROUP BY ALL"
    )
    assert {(row["outcome"], row["reason"]): row["n"] for row in system.query(counts)} == {
        ACCEPTED: 3,
        RESENT: 2,
    }
    assert system.ledger()["balanced"]
