"""Maintenance keeps the published registry true, also after ClickHouse was restored from a backup."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from storage.projects import model, registry
from tests.helpers import waiting
from workers.draining import connections
from workers.process import chores, fairness, maintenance

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse
    from tests.helpers import harness

pytestmark = pytest.mark.integration

INTERVAL_S = 0.02


def put(client: redis.Redis, version: int) -> None:
    """Put an empty registry into Redis."""
    snapshot = model.Snapshot(version=version, projects=())
    client.mset({registry.SNAPSHOT_KEY: msgspec.msgpack.encode(snapshot), registry.VERSION_KEY: str(version)})


def test_a_restored_registry_is_published_but_never_in_the_place_of_a_change_under_way(
    client: redis.Redis,
    redis_server: harness.RedisServer,
    address: clickhouse.Address,
    server: clickhouse.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = registry.Registry(server)
    source.create("shop")
    true = source.snapshot()
    calls: list[int | None] = []
    publish = registry.Registry.publish

    def overtaken(self: registry.Registry, where: redis.Redis, *, replace: int | None = None) -> int | None:
        """Publish while others do, three times; then they are silent."""
        calls.append(replace)
        if len(calls) <= 3:
            put(where, true.version + len(calls))
        newer = publish(self, where, replace=replace)
        if len(calls) <= 3:
            assert newer == true.version + len(calls)
        return newer

    monkeypatch.setattr(registry.Registry, "publish", overtaken)
    publishing = maintenance.Chore("registry", INTERVAL_S, chores.publish_registry)
    stop = threading.Event()
    where = connections.Connections(redis_url=redis_server.url, clickhouse=address)
    chore = threading.Thread(
        target=maintenance.do, args=(publishing, where, stop, fairness.Fairness(time.monotonic))
    )
    chore.start()
    try:
        waiting.until(lambda: registry.read_snapshot(client) == true, "the registry is published")
        waiting.until(lambda: len(calls) > 4, "it is published again")
    finally:
        stop.set()
        chore.join()
    assert calls[:5] == [None, true.version + 1, true.version + 2, true.version + 3, None]
