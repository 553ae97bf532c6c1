"""The limits of a project over real servers: exact and the same again, whatever interrupts a batch."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from storage import errors
from storage.ledger import equations
from storage.limits import exhausted_quotas, limit_decider
from storage.projects import project_settings
from storage.queue import appenders, batches, envelope
from storage.servers import clickhouse
from tests.helpers import waiting
from tests.integration.workers import drains
from workers import pipeline
from workers.failures import failpoints
from workers.model import batch_plan
from workers.rows import collapse, quarantine

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

INTERRUPTED = [point for point in failpoints.POINTS if point != "after_grant"]
"""Failpoints of an interruption: an error while rows are made is taken for the fault of the batch."""


@pytest.fixture
def now() -> Callable[[], float]:
    """A clock that stands: however long a test takes, its reports are received in one minute and hour."""
    at = time.time()
    return lambda: at


def wait_for_less(client: redis.Redis) -> bool:
    """Return whether anything was in the queue, as soon as there is less."""
    left = equations.backlog(client, drains.SHARDS)
    waiting.until(lambda: not left or equations.backlog(client, drains.SHARDS) < left, "a drainer gets on")
    return left > 0


def test_reports_over_quota_are_counted_and_not_stored(
    client: redis.Redis, server: clickhouse.Connection, now: Callable[[], float]
) -> None:
    drains.limit(client, quota_per_minute=25)
    for start in range(3):
        drains.append_reports(client, 20, first=20 * start, clock=now)
        drains.drainer(client, server).drain(drains.SHARD)
    assert drains.counted(server) == {("accepted", ""): 25, ("quota", "project_minute"): 35}
    assert drains.balanced(server, client).found == 60
    members: Any = client.zrange(exhausted_quotas.EXHAUSTED_KEY, 0, -1, withscores=True)
    ((member, until),) = members
    assert member == b"1 project_minute 25 "
    assert until == int(now()) + 61  # the second of receipt makes room again after the sixty that follow


@pytest.mark.parametrize("point", INTERRUPTED)
def test_interrupted_at_any_point_the_limits_of_a_batch_are_decided_once(
    client: redis.Redis, server: clickhouse.Connection, now: Callable[[], float], point: str
) -> None:
    drains.limit(
        client, quota_per_minute=40, sampling="adaptive", sample_budget=10**6, new_variants_per_hour=8
    )
    for shard in (3, 4):
        drains.append_reports(client, 30, shard, clock=now)
        failpoints.arm(f"{point}=raise@1")
        with contextlib.suppress(failpoints.FailpointError):
            drains.drainer(client, server).drain(shard)
        failpoints.arm("")
    for shard in (3, 4):
        while drains.drainer(client, server).drain(shard).batches:
            pass
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (60, 40)
    assert not client.keys("headrace:limits:*:rulings:*")
    assert drains.counted(server)["quota", "project_minute"] == 20
    ((rows, places),) = server.execute(
        "SELECT uniqExact(identity), uniqExactIf(identity, details['collapsed'] != '') FROM reports"
    )
    assert rows - places == 8


@pytest.mark.parametrize("point", INTERRUPTED)
def test_invalid_reports_fill_the_quarantine_to_its_bound_and_are_counted(
    client: redis.Redis, server: clickhouse.Connection, now: Callable[[], float], point: str
) -> None:
    size = 1001 + quarantine.ROW_BYTES
    drains.limit(client, quarantine_per_hour=25 * size, quota_per_minute=1)
    for start in range(0, 60, 20):
        payloads = [drains.payload(b"%01000d!" % number) for number in range(start, start + 20)]
        appenders.Appender(client, now).append({drains.SHARD: payloads})
        failpoints.arm(f"{point}=raise@1")
        with contextlib.suppress(failpoints.FailpointError):
            drains.drainer(client, server).drain(drains.SHARD)
        failpoints.arm("")
        while drains.drainer(client, server).drain(drains.SHARD).batches:
            pass
    assert drains.counted(server) == {("invalid", "not_json"): 60}
    assert drains.balanced(server, client).found == 60
    assert server.execute("SELECT count(), uniqExact(raw) FROM quarantine") == [(25, 25)]
    assert not client.keys("headrace:limits:*:rulings:*")


def test_a_redis_that_goes_away_after_a_grant_costs_the_project_nothing(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goes_away(point: str) -> None:
        if point == "after_grant":
            raise errors.RedisUnavailableError("Redis did not answer.")

    drains.limit(client, quota_per_minute=40)
    drains.append_reports(client, 60)
    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "hit", goes_away)
        with pytest.raises(errors.RedisUnavailableError):
            drains.drainer(client, server).drain(drains.SHARD)
    drains.drainer(client, server).drain(drains.SHARD)
    assert (drains.balanced(server, client).found, drains.balanced(server, client).accepted) == (60, 40)


def test_several_drainers_that_keep_dying_grant_exactly_the_limit(
    client: redis.Redis,
    server: clickhouse.Connection,
    address: clickhouse.Address,
    now: Callable[[], float],
) -> None:
    """Four threads drain eight shards and fail at every point one time in twenty."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - to repeat a failure
    random.seed(seed)
    drains.limit(client, quota_per_minute=500)
    for shard in range(8):
        for number in range(15):
            drains.append_reports(client, 20, shard, first=number, clock=now)
    failpoints.arm(",".join(f"{point}=raise@0.05" for point in INTERRUPTED if point != "before_bounds"))
    passing = (failpoints.FailpointError, errors.LeaseLostError, errors.RecoverableError)

    def work(own: clickhouse.Connection) -> None:
        with contextlib.closing(own):
            while equations.backlog(client, drains.SHARDS):
                for shard in range(8):
                    with contextlib.suppress(*passing):
                        drains.drainer(client, own, max_payloads=30).drain(shard)

    threads = [
        threading.Thread(target=work, args=(clickhouse.connect(address),), daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    while wait_for_less(client):
        pass
    waiting.until(lambda: not any(thread.is_alive() for thread in threads), "all drainers end")
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (2400, 500)
    assert drains.counted(server) == {("accepted", ""): 500, ("quota", "project_minute"): 1900}
    assert server.execute("SELECT count() FROM quarantine") == [(0,)]


def test_a_payload_that_breaks_a_stage_is_quarantined_after_the_limit_decision(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = collapse.Collapser.add

    def breaking(self: collapse.Collapser, *arguments: Any) -> None:
        if drains.mentions_venom(arguments):
            raise ZeroDivisionError("venom")
        original(self, *arguments)

    monkeypatch.setattr(collapse.Collapser, "add", breaking)
    drains.limit(client, quota_per_minute=15, sampling="fixed", new_variants_per_hour=100)
    venom = drains.payload(drains.report(0, **{"document-uri": "https://shop.example/page/venom"}))
    drains.append(client, *(drains.payload(drains.report(number)) for number in range(10)), venom)
    drains.append_reports(client, 20, first=50)
    drains.drainer(client, server).drain(drains.SHARD)
    line = drains.balanced(server, client)
    assert line.found == 31
    assert line.accepted in {14, 15}  # whoever came next in the same second takes its place
    assert drains.counted(server)["invalid", "poison"] == 1
    assert drains.counted(server)["quota", "project_minute"] == 30 - line.accepted


def test_weights_of_sampled_rows_add_up(client: redis.Redis, server: clickhouse.Connection) -> None:
    drains.limit(client, sampling="fixed", sample_rate=0.25)
    for _ in range(10):
        drains.append_reports(client, 50)
        drains.append_reports(client, 50)
        drains.drainer(client, server).drain(drains.SHARD)
    ((weight, seen, findings),) = server.execute(
        "SELECT sum(weight), sum(seen), uniqExact(fingerprint) FROM reports"
    )
    assert weight == pytest.approx(1000, rel=0.1)
    assert findings == 50
    assert drains.counted(server) == {("accepted", ""): seen, ("filtered", "sampled"): 1000 - seen}
    assert seen < 400
    drains.balanced(server, client)


def test_adaptive_sampling_stays_inside_its_budget_over_all_shards(client: redis.Redis) -> None:
    """Three minutes of four shards, each drained every two seconds; now and then there is a rare finding."""
    settings = project_settings.ProjectSettings(sampling="adaptive", sample_budget=1200)
    plan = batch_plan.Plan(projects={1: batch_plan.ProjectPlan(settings=settings)})
    kept, rare, weight, arrived = Counter[int](), Counter[str](), 0.0, 0
    for start in range(0, 180, 2):
        for shard in range(4):
            lease = batches.StreamLease(shard, 1, None, 0, begun=False)
            decider = limit_decider.LimitDecider(client, lease, str(start))
            tables = pipeline.process(shard, two_seconds(start, shard), plan, decider)
            weight += sum(tables.reports["weight"])
            arrived += sum(tables.found.values())
            columns = (tables.outcomes[name] for name in ("minute", "outcome", "quantity"))
            for minute, outcome, quantity in zip(*columns, strict=True):
                kept[minute] += quantity if outcome == "accepted" else 0
            rare.update(dict(zip(tables.reports["blocked_host"], tables.reports["seen"], strict=True)))
    assert all(0.95 * 1200 < reports <= 1200 for reports in kept.values()), kept
    assert weight == pytest.approx(arrived, rel=0.03)
    frequent = [rare.pop(f"tracker{number}.example") for number in (0, 1)]
    assert min(frequent) > 0.9 * max(frequent)  # although one of them was eight times as frequent
    assert set(rare.values()) == {9}


def two_seconds(start: int, shard: int) -> list[envelope.Entry]:
    """Return what a shard receives in two seconds: two frequent findings, and on shard 0 a rare one."""
    entries = []
    for step in range(10):
        bodies = [drains.report(0)] * (20 if shard else 60) + [drains.report(1)] * 5
        if (step, shard) == (0, 0):
            bodies.append(drains.report(100 + start // 2 % 10))
        at = 1_760_000_040_000 + start * 1000 + step * 200 + shard
        entries.append(envelope.Entry(f"{at}-0", [drains.payload(body) for body in bodies]))
    return entries


def test_a_redis_that_goes_away_during_a_limit_decision_leaves_the_batch_where_it_is(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drains.limit(client, quota_per_minute=5)
    drains.append_reports(client, 10)

    def unreachable(*_: object) -> None:
        raise errors.RedisUnavailableError("Redis did not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(limit_decider.LimitDecider, "grant", unreachable)
        with pytest.raises(errors.RedisUnavailableError):
            drains.drainer(client, server).drain(drains.SHARD)
    drains.drainer(client, server).drain(drains.SHARD)
    assert drains.balanced(server, client).accepted == 5
