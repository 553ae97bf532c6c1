"""Reach over real servers: a finding's sketch is that of its senders, whatever is interrupted."""

from __future__ import annotations

import contextlib
import functools
import operator
import time
from typing import TYPE_CHECKING

import pytest

from storage.ledger import equations
from storage.queue import batches, envelope, reach, sender_secret
from tests.helpers import waiting
from tests.integration.ingest import edges
from tests.integration.workers import drains
from workers.draining import drain
from workers.failures import failpoints

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable

    import redis

    from storage.servers import clickhouse
    from tests.helpers import harness

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
    server.execute("OPTIMIZE TABLE reports_live FINAL")
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


def send(edge: edges.Edge, host: str, senders: Iterable[str]) -> None:
    """Send a report about a host once for each address; nobody knows the sender of an empty one."""
    body = drains.report(0, **{"blocked-uri": f"https://{host}.example/x.js"})
    with edge.client() as http:
        for address in senders:
            headers = edges.CSP | ({"X-Forwarded-For": address} if address else {})
            assert http.post(edges.TARGET, content=body, headers=headers).is_success


def test_from_request_to_finding(
    redis_server: harness.RedisServer,
    client: redis.Redis,
    server: clickhouse.Connection,
    tmp_path: pathlib.Path,
) -> None:
    """Of 1, 20 and 200 senders, of none that is known, and of the same ones again, from several networks."""

    def drained() -> dict[str, int | None]:
        tool = drains.drainer(client, server)
        while equations.backlog(client, drains.SHARDS):
            for stream in range(2 * drains.SHARDS):
                tool.drain(stream)
        return dict(server.execute("SELECT domain(blocked), reach FROM findings"))

    edges.publish(client, 1)
    today = int(time.time()) // sender_secret.DAY_S
    for day in (today, today + 1):  # a secret that is the same in each run: so are the estimates
        client.set(f"headrace:senders:{day}", b"0123456789abcdef")
    with edges.edge(tmp_path, redis_server.url) as edge:
        waiting.until(edge.is_ready, "the edge is ready")
        for number in (1, 20, 200):
            host = f"of{number}"
            send(edge, host, (f"198.51.{each // 100}.{each % 100}" for each in range(number)))
        send(edge, "unknown", [""] * 5)
        send(edge, "network", (f"2001:4860:0:7::{each:x}" for each in range(30)))
        first = drained()
        send(edge, "of20", (f"198.51.0.{each}" for each in [*range(20), *range(20)]))
        send(edge, "unknown", [""] * 5)
        assert drained() == first
    assert first["of1.example"] == first["network.example"] == 1
    assert first["of20.example"] == pytest.approx(20, rel=0.15)
    assert first["of200.example"] == pytest.approx(200, rel=0.15)
    assert first["unknown.example"] is None
    assert drains.balanced(server, client).seen == 301
