"""``headrace status``: processes, queue, Redis, partitions and ClickHouse at this moment."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import psutil

from deploy import settings
from deploy.cli import options
from deploy.printing import output
from deploy.running import status_line
from deploy.servers import backends, redis_engines
from storage import errors
from storage.archive import books
from storage.projects import edges, partitions
from storage.queue import drift, envelope, isolation, streams
from storage.servers import clocks, sql

if TYPE_CHECKING:
    import redis

    from deploy.running import located

SAMPLE_S: Final = 1.0
"""Rates are measured over this time."""
MEBIBYTE: Final = 1024 * 1024

_SQL: Final = sql.beside(__name__)


def status(
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Show processes, queue, Redis and ClickHouse."""
    system = options.locate(data)
    with contextlib.closing(backends.connect_redis(system.redis_url)) as client:
        backends.require_redis(system.redis_url)
        report = {
            "processes": _processes(system),
            "queue": _queue(client, system.shards),
            "clocks": _clocks(client, system.shards),
            "edges": _edges(client),
            "redis": _redis(client),
            "clickhouse": _clickhouse(system),
            "partitions": _partitions(system),
        }
    if as_json:
        output.json(report)
    else:
        _show_status(report)


def _processes(system: located.Located) -> list[dict[str, object]]:
    if system.runtime is None:
        return []
    pids = system.runtime.pids
    named = [
        *(("edge", pid) for pid in pids.edge),
        *(("worker", pid) for pid in pids.workers),
        *(("maintenance", pid) for pid in pids.maintenance),
        *((name, pid) for name, pid in (("redis", pids.redis), ("clickhouse", pids.clickhouse)) if pid),
    ]
    return [_process(name, pid) for name, pid in named]


def _process(name: str, pid: int) -> dict[str, object]:
    row: dict[str, object] = {"name": name, "pid": pid, "running": False, "memory_mib": 0, "uptime_s": 0}
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        row["memory_mib"] = round(process.memory_info().rss / MEBIBYTE)
        row["uptime_s"] = round(time.time() - process.create_time())
        row["running"] = True
    return row


def _queue(client: redis.Redis, shards: int) -> dict[str, Any]:
    meter = status_line.Meter(client, shards)
    meter.read()
    time.sleep(SAMPLE_S)
    flow = meter.read()
    numbers = isolation.present(client, shards)
    with client.pipeline(transaction=False) as pipeline:
        for number in numbers:
            pipeline.xlen(streams.keys(number).stream)
        entries: list[int] = pipeline.execute()
    return {
        "acknowledged_per_s": round(flow.acknowledged, 1),
        "committed_per_s": round(flow.committed, 1),
        "backlog": flow.backlog,
        "entries_by_shard": {
            shard: entries[shard] + entries[isolation.isolated_stream(shard, shards)]
            for shard in range(shards)
        },
        "entries_aside": sum(entries[shards:]),
    }


def _clocks(client: redis.Redis, shards: int) -> dict[str, Any]:
    """Return by how many seconds the clock of Redis, and its streams, are ahead of this machine's clock."""
    own = time.time()
    seconds, microseconds = client.time()
    found = drift.find(client, isolation.present(client, shards))
    return {
        "redis_ahead_s": round(seconds + microseconds / 1e6 - own, 1),
        "streams_ahead_s": {stream: round(drifted.ahead_ms / 1000, 1) for stream, drifted in found.items()},
    }


def _edges(client: redis.Redis) -> list[dict[str, object]]:
    """Return the edge processes of all machines; empty where Redis does not show its connections."""
    try:
        found = edges.look(client)
    except errors.RedisUnavailableError:
        return []
    known = [(edge, True) for edge in found.know] + [(edge, False) for edge in found.late]
    return [
        {"host": edge.host, "pid": edge.pid, "silent_s": edge.idle_s, "current": current}
        for edge, current in known
    ]


def _redis(client: redis.Redis) -> dict[str, Any]:
    facts: Any = client.info()
    engine = redis_engines.of_server(facts)
    return {
        "server": engine.name,
        "version": engine.version,
        "memory": facts["used_memory"],
        "maxmemory": facts["maxmemory"],
    }


def _clickhouse(system: located.Located) -> list[dict[str, object]]:
    address = system.clickhouse
    with backends.connected(address) as server:
        rows = server.execute(_SQL["parts"], {"database": address.database})
    return [dict(zip(("table", "rows", "parts", "bytes"), row, strict=True)) for row in rows]


def _partitions(system: located.Located) -> dict[str, int]:
    """Return how many live partitions take places, out of how many, and the reports without one."""
    with backends.connected(system.clickhouse) as server:
        live = sum(partitions.is_movable(each.pair) for each in books.live(server))
        ((beyond,),) = server.execute(_SQL["beyond"], {"release": envelope.OTHER_RELEASE})
    return {"live": live, "budget": settings.load().max_partitions, "beyond_since_yesterday": beyond}


def _show_partitions(found: dict[str, int]) -> None:
    beyond = found["beyond_since_yesterday"]
    told = f"; {beyond:,} reports since yesterday are under (other)" if beyond else ""
    output.copyable(f"partitions  {found['live']:,} of {found['budget']:,} places are taken{told}")


def _show_status(report: dict[str, Any]) -> None:
    states = [
        (row["name"], row["pid"], _state(row), row["memory_mib"], row["uptime_s"])
        for row in report["processes"]
    ]
    if states:
        output.table(("process", "pid", "state", "MiB", "up s"), states)
    queue, memory = report["queue"], report["redis"]
    rates = f"{queue['acknowledged_per_s']:,} payloads/s in, {queue['committed_per_s']:,}/s stored"
    output.copyable(f"queue       {rates}, {queue['backlog']:,} waiting")
    waiting = [f"{shard}: {entries:,}" for shard, entries in queue["entries_by_shard"].items() if entries]
    isolated = queue["entries_aside"]
    apart = f"; in isolated streams: {isolated:,}" if isolated else ""
    output.copyable(f"shards      {', '.join(waiting) or 'all empty'}{apart}")
    _show_clocks(report["clocks"])
    _show_edges(report["edges"])
    _show_partitions(report["partitions"])
    limit = f" of {memory['maxmemory'] / MEBIBYTE:,.0f}" if memory["maxmemory"] else ""
    server = f"{memory['server']} {memory['version']}"
    output.copyable(f"redis       {memory['memory'] / MEBIBYTE:,.1f}{limit} MiB, {server}\n")
    output.table(
        ("table", "rows", "parts", "MiB"),
        [
            (row["table"], row["rows"], row["parts"], round(row["bytes"] / MEBIBYTE, 1))
            for row in report["clickhouse"]
        ],
    )


def _show_edges(found: list[dict[str, Any]]) -> None:
    current = sum(edge["current"] for edge in found)
    machines = len({edge["host"] for edge in found})
    where = f" on {machines} machines" if machines > 1 else ""
    output.copyable(f"edges       {current} of {len(found)} processes{where} know the newest projects")
    for edge in found:
        if not edge["current"]:
            output.copyable(
                f"edges       process {edge['pid']} on {edge['host']}: {edge['silent_s']} s silent"
            )


def _show_clocks(found: dict[str, Any]) -> None:
    seconds = found["redis_ahead_s"]
    if abs(seconds) * 1000 > clocks.SLACK_MS:
        output.copyable(f"clocks      that of Redis is {_by(seconds)} this machine's")
    for stream, ahead_s in found["streams_ahead_s"].items():
        output.copyable(f"clocks      stream {stream} is {_by(ahead_s)} the clock until it is drained")


def _by(seconds: float) -> str:
    return f"{abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'}"


def _state(row: dict[str, Any]) -> str:
    return "running" if row["running"] else "gone"
