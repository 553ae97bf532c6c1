"""The rules file of a batch: whatever interrupts the drain, reports are labelled by the rules of the plan."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec
import pytest

from storage import errors
from storage.noise import published, rules_files
from storage.queue import streams
from tests.helpers import rules
from tests.integration.workers import drains
from workers.draining import bounds, rules_in_force
from workers.failures import failpoints
from workers.noise import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from storage.servers import clickhouse
    from workers.model import batch_plan

OLD = rules.text('old-tracker injected hosts = [".tracker0.example"]', version="2998.1.1")
NEW = rules.text('new-tracker injected hosts = [".tracker0.example"]')
FUTURE = rules.text('odd injected moods = ["bad"]', version="2999.12.31")
OWN = shipped.file().version
BOUNDS = streams.keys(drains.SHARD).bounds


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    """Let each test begin as a new process does."""
    for known in (rules_in_force._read, rules_in_force._written, rules_in_force._unreadable):
        known.clear()
    yield
    failpoints.arm("")


def put_in_force(server: clickhouse.Connection, client: redis.Redis | None, text: bytes) -> None:
    source = rules_files.RulesFiles(server)
    if text:
        version = text.split(b'"')[1].decode()
        source.add(version, rules.sha256(text), text, "a test")
    source.decide(rules.sha256(text) if text else "", source.in_force())
    if client is not None:
        source.publish(client)


def labels(server: clickhouse.Connection) -> dict[tuple[str, str], int]:
    found = server.execute("SELECT noise_rule, noise_version, sum(seen) FROM reports GROUP BY ALL")
    return {(rule, version): seen for rule, version, seen in found}


def drain(client: redis.Redis, server: clickhouse.Connection) -> None:
    drains.append(client, drains.payload(drains.report()))
    drains.drainer(client, server).drain(drains.SHARD)


def plan_of(client: redis.Redis) -> batch_plan.Plan:
    encoded = client.get(BOUNDS)
    assert isinstance(encoded, bytes)
    return bounds.decode(encoded).plan


def test_each_batch_is_labelled_by_the_rules_in_force(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    drain(client, server)
    put_in_force(server, client, OLD)
    drain(client, server)
    put_in_force(server, client, NEW)
    drain(client, server)
    put_in_force(server, client, b"")
    drain(client, server)
    assert labels(server) == {
        ("", OWN): 2,
        ("old-tracker", "2998.1.1"): 1,
        ("new-tracker", rules.LATER): 1,
    }
    assert server.execute("SELECT uniqExact(identity) FROM reports") == [(3,)]
    assert drains.balanced(server, client).seen == 4


def test_shipped_rules_of_a_later_version_come_before_older_ones(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    older = rules.text('x injected hosts = [".tracker0.example"]', version=rules.EARLIER)
    put_in_force(server, client, older)
    drain(client, server)
    assert labels(server) == {("", OWN): 1}


@pytest.mark.parametrize("point", ["after_bounds", "after_reports", "before_commit"])
@pytest.mark.parametrize("emptied", [False, True], ids=["texts in Redis", "texts in ClickHouse"])
def test_a_batch_that_is_repeated_keeps_its_rules(
    client: redis.Redis, server: clickhouse.Connection, point: str, *, emptied: bool
) -> None:
    put_in_force(server, client, OLD)
    failpoints.arm(f"{point}=raise@1")
    with contextlib.suppress(failpoints.FailpointError):
        drain(client, server)
    failpoints.arm("")
    put_in_force(server, client, NEW)
    rules_in_force._read.clear()  # another process takes over
    if emptied:
        client.delete(*client.keys("headrace:noise*"))
    drains.append(client, drains.payload(drains.report()))
    for _ in range(2):
        drains.drainer(client, server).drain(drains.SHARD)
    assert labels(server) == {("old-tracker", "2998.1.1"): 1, ("new-tracker", rules.LATER): 1}
    assert drains.balanced(server, client).seen == 2


def name_rules(client: redis.Redis, sha256: str) -> bytes:
    """Let the plan of the bound batch name the rules file of this hash; return its bounds as they were."""
    encoded = client.get(BOUNDS)
    assert isinstance(encoded, bytes)
    bound = bounds.decode(encoded)
    plan = msgspec.structs.replace(bound.plan, noise=sha256)
    client.set(BOUNDS, bounds.encode(msgspec.structs.replace(bound, plan=plan)))
    return encoded


def test_a_plan_of_an_older_release_stands_for_the_shipped_rules(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    put_in_force(server, client, NEW)
    failpoints.arm("after_bounds=raise@1")
    with contextlib.suppress(failpoints.FailpointError):
        drain(client, server)
    failpoints.arm("")
    name_rules(client, "")
    drains.drainer(client, server).drain(drains.SHARD)
    assert labels(server) == {("", OWN): 1}


def test_what_redis_lost_is_read_in_clickhouse(client: redis.Redis, server: clickhouse.Connection) -> None:
    put_in_force(server, None, NEW)
    drain(client, server)
    assert labels(server) == {("new-tracker", rules.LATER): 1}
    assert published.read_text(client, rules.sha256(NEW)) == NEW, "for whoever repeats the batch"


def test_a_text_that_redis_spoilt_is_read_in_clickhouse(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    put_in_force(server, client, NEW)
    client.set(published.TEXT_KEY.format(sha256=rules.sha256(NEW)), OLD)
    drain(client, server)
    assert labels(server) == {("new-tracker", rules.LATER): 1}


def test_without_redis_knowledge_and_clickhouse_the_batch_waits(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    server.execute("RENAME TABLE noise_updates TO elsewhere")
    drains.append(client, drains.payload(drains.report()))
    with pytest.raises(errors.ClickHouseUnavailableError, match="does not give the noise rules"):
        drains.drainer(client, server).drain(drains.SHARD)
    server.execute("RENAME TABLE elsewhere TO noise_updates")
    drains.drainer(client, server).drain(drains.SHARD)
    assert drains.balanced(server, client).seen == 1


def test_rules_of_a_later_release_are_left_to_that_release(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    put_in_force(server, client, FUTURE)
    drain(client, server)
    assert labels(server) == {("", OWN): 1}
    assert rules_in_force._unreadable == {rules.sha256(FUTURE)}


@pytest.mark.parametrize("known", [True, False], ids=["unreadable", "lost"])
def test_a_batch_whose_rules_are_gone_waits_only_if_rows_are_stored(
    client: redis.Redis, server: clickhouse.Connection, *, known: bool
) -> None:
    """Rows that were stored may not be made again by other rules; a batch without rows is bound anew."""
    if known:
        put_in_force(server, client, FUTURE)
    for point, waits in (("after_process", False), ("after_reports", True)):
        failpoints.arm(f"{point}=raise@1")
        with contextlib.suppress(failpoints.FailpointError):
            drain(client, server)
        failpoints.arm("")
        encoded = name_rules(client, rules.sha256(FUTURE))
        if not waits:
            drains.drainer(client, server).drain(drains.SHARD)
            assert client.get(BOUNDS) is None
            continue
        with pytest.raises(rules_in_force.NoRulesError):
            drains.drainer(client, server).drain(drains.SHARD)
        client.set(BOUNDS, encoded)
        drains.drainer(client, server).drain(drains.SHARD)
    assert drains.balanced(server, client).seen == 2


def test_the_plan_names_the_rules(client: redis.Redis, server: clickhouse.Connection) -> None:
    put_in_force(server, client, NEW)
    failpoints.arm("after_bounds=raise@1")
    with contextlib.suppress(failpoints.FailpointError):
        drain(client, server)
    assert plan_of(client).noise == rules.sha256(NEW)
