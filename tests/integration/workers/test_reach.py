"""Reach over real servers: a finding's sketch is that of its senders, whatever is interrupted."""

from __future__ import annotations

import contextlib
import functools
import operator
import time
from typing import TYPE_CHECKING

import pytest

from storage.ledger import equations
from storage.queue import batches, envelope, reach
from tests.integration.workers import drains
from workers.draining import drain
from workers.failures import failpoints

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis

    from storage.servers import clickhouse

SHARD = drains.SHARD


@pytest.fixture
def drainer(client: redis.Redis, server: clickhouse.Connection) -> drain.Drainer:
    return drain.Drainer(batches.Queue(client), client, server, time.monotonic)


def union(slots: Iterable[int]) -> int:
    return functools.reduce(operator.or_, map(reach.sketch_of, slots), reach.UNKNOWN)


def payload(number: int, slot: int) -> envelope.Payload:
    body = drains.report(number)
    return envelope.Payload(1, "key", "prod", "1.0", "agent", "", 0, body, slot=slot)


def sketches(server: clickhouse.Connection) -> dict[str, int]:
    """Return the sketch of each finding, by the host that was blocked."""
    rows = server.execute("SELECT blocked_host, groupBitOr(reach) FROM reports GROUP BY blocked_host")
    return {host.removesuffix(".example").removeprefix("tracker"): sketch for host, sketch in rows}


def test_rows_of_different_batches_add_up_to_the_senders_of_all(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    slots = [1, 64, 65, 112, 113, 1904]
    for slot in slots:
        drains.append(client, payload(0, slot), payload(0, slots[0]), payload(1, reach.UNKNOWN))
        drainer.drain(SHARD)
    assert sketches(server) == {"0": union(slots), "1": reach.UNKNOWN}
    server.execute("OPTIMIZE TABLE reports FINAL")
    assert sketches(server) == {"0": union(slots), "1": reach.UNKNOWN}
    assert drains.balanced(server, client).seen == 3 * len(slots)


@pytest.mark.parametrize("point", failpoints.POINTS)
def test_interrupted_at_any_point_the_sketch_is_the_same(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection, point: str
) -> None:
    drains.append(client, *(payload(slot % 2, slot) for slot in range(1, 11)))
    failpoints.arm(f"{point}=raise@1")
    with contextlib.suppress(failpoints.FailpointError):
        drainer.drain(SHARD)
    failpoints.arm("")
    drains.append(client, payload(0, 100))
    while equations.backlog(client, drains.SHARDS):
        drainer.drain(SHARD)
    assert sketches(server) == {"0": union([2, 4, 6, 8, 10, 100]), "1": union([1, 3, 5, 7, 9])}
    assert drains.balanced(server, client).seen == 11


@pytest.mark.parametrize("point", failpoints.POINTS)
def test_sampling_leaves_out_no_sender_whatever_is_interrupted(
    client: redis.Redis, server: clickhouse.Connection, point: str
) -> None:
    """The senders of a batch are noted before it is committed, and must be unknown when it is run again."""
    drains.limit(client, sampling="fixed", sample_rate=0.0001)
    drains.append(client, payload(0, 1), payload(1, 1))
    drains.drainer(client, server).drain(SHARD)
    drains.append(client, *(payload(slot % 2, slot) for slot in range(1, 11)))
    failpoints.arm(f"{point}=raise@1")
    with contextlib.suppress(failpoints.FailpointError):
        drains.drainer(client, server).drain(SHARD)
    failpoints.arm("")
    drains.append(client, *(payload(slot % 2, slot) for slot in range(1, 11)))
    while equations.backlog(client, drains.SHARDS):
        drains.drainer(client, server).drain(SHARD)
    assert sketches(server) == {"0": union([1, 2, 4, 6, 8, 10]), "1": union([1, 3, 5, 7, 9])}
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (22, 11)
    assert not client.keys("headrace:limits:*:rulings:*")
