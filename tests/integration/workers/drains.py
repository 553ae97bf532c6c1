"""What tests of the drain share: reports to append, a drainer, and the books after it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec

from storage.ledger import equations
from storage.projects import model, project_settings, registry
from storage.queue import appenders, batches, envelope
from workers.draining import batch_limits, drain
from workers.failures import failpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from storage.servers import clickhouse

SHARDS = 16
SHARD = 3
REPORTS = 6
"""Reports that ``append_reports`` appends unless told otherwise."""


def report(number: int = 0, **members: object) -> bytes:
    """Return a ``report-uri`` upload; reports of different numbers are different findings."""
    body = {
        "document-uri": f"https://shop.example/page/{number % 5}",
        "effective-directive": "img-src",
        "blocked-uri": f"https://tracker{number}.example/pixel.gif",
        "original-policy": "img-src 'self'",
        **members,
    }
    return json.dumps({"csp-report": body}).encode()


def payload(
    body: bytes, project_id: int = 1, environment: str = "prod", release: str = "1.0"
) -> envelope.Payload:
    """Return a payload as the edge makes it of a request."""
    return envelope.Payload(project_id, "key", environment, release, "agent", "application/json", 0, body)


def append(client: redis.Redis, *payloads: envelope.Payload) -> str:
    """Append one entry with these payloads to ``SHARD`` and return its id."""
    return appenders.Appender(client).append({SHARD: list(payloads)})[SHARD]


def append_reports(
    client: redis.Redis,
    reports: int = REPORTS,
    shard: int = SHARD,
    first: int = 0,
    clock: Callable[[], float] = time.time,
) -> None:
    """Append one entry with different reports to a shard, received by this clock."""
    payloads = [payload(report(number)) for number in range(first, first + reports)]
    appenders.Appender(client, clock).append({shard: payloads})


def limit(client: redis.Redis, **settings: Any) -> None:
    """Give project 1 these limits."""
    values = project_settings.ProjectSettings(**settings)
    project = model.Project(id=1, name="shop", keys=("key",), settings=values)
    snapshot = model.Snapshot(version=1, projects=(project,))
    client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(snapshot))


def drainer(client: redis.Redis, server: clickhouse.Connection, **limits: Any) -> drain.Drainer:
    """Return a drainer whose batches have these limits, or those of production."""
    return drain.Drainer(
        batches.Queue(client), client, server, time.monotonic, batch_limits.BatchLimits(**limits)
    )


def balanced(server: clickhouse.Connection, client: redis.Redis) -> equations.Line:
    """Return the ledger of the only project, whose equations hold."""
    (line,) = equations.verify(server, client, SHARDS)
    assert line.balanced, line
    return line


def counted(server: clickhouse.Connection) -> dict[tuple[str, str], int]:
    """Return how many reports have which outcome and reason."""
    rows = server.execute("SELECT outcome, reason, sum(quantity) FROM outcomes GROUP BY ALL")
    return {(outcome, reason): quantity for outcome, reason, quantity in rows}


def drain_innocent(client: redis.Redis, server: clickhouse.Connection) -> None:
    """Drain the rest, without failpoints, and check that nothing was taken for a fault of its reports."""
    failpoints.arm("")
    while equations.backlog(client, SHARDS):
        drainer(client, server).drain(SHARD)
    assert counted(server) == {("accepted", ""): REPORTS}
    assert balanced(server, client).acknowledged == REPORTS
    assert server.execute("SELECT count() FROM quarantine") == [(0,)]


def mentions_venom(values: object) -> bool:
    """Say whether the page ``venom`` is anywhere in what reaches a stage, undecoded members included."""
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, (list, tuple)) and not hasattr(values, "_fields"):
        return any(mentions_venom(value) for value in values)
    return "/page/venom" in repr(values)
