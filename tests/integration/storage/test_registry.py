"""The published registry follows every change, whatever clocks do, and goes back only when ClickHouse did."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import redis.asyncio

from storage.projects import model, registry

if TYPE_CHECKING:
    from storage.servers import clickhouse
    from tests.helpers import harness

AN_HOUR_FAST = """
INSERT INTO projects (id, revision, name, keys, key_records, status, settings, changed_at)
SELECT id, revision + 1, name, keys, key_records, status, settings, now64(3) + INTERVAL 1 HOUR
FROM projects FINAL WHERE id = 1
"""
BACKUP = "CREATE TABLE backup AS projects"
AT_ONCE = {"mutations_sync": 1}


def published(client: redis.Redis) -> model.Snapshot:
    snapshot = registry.read_snapshot(client)
    assert snapshot is not None
    assert client.get(registry.VERSION_KEY) == str(snapshot.version).encode()
    return snapshot


def test_a_published_registry_is_read(
    server: clickhouse.Connection, client: redis.Redis, redis_server: harness.RedisServer
) -> None:
    source = registry.Registry(server)
    assert registry.read_snapshot(client) is None
    assert source.publish(client) is None
    assert published(client) == model.Snapshot(version=0, projects=())
    shop = source.create("shop")
    assert source.publish(client) is None
    new = published(client)
    assert new == source.snapshot()
    assert new.projects == (shop,)
    client.delete(registry.SNAPSHOT_KEY)
    source.publish(client)
    assert published(client) == new

    async def asked() -> tuple[int | None, model.Snapshot | None]:
        async with redis.asyncio.Redis.from_url(redis_server.url) as asynchronous:
            return await registry.load_version(asynchronous), await registry.load_snapshot(asynchronous)

    assert asyncio.run(asked()) == (new.version, new)


def test_every_change_is_published_after_a_clock_was_set_back(
    server: clickhouse.Connection, client: redis.Redis
) -> None:
    source = registry.Registry(server)
    source.create("shop")
    source.create("blog")
    server.execute(AN_HOUR_FAST)
    source.publish(client)
    versions = [published(client).version]
    for name in ("shop", "blog", "shop"):
        status: model.Status = "retired" if source.get(name).status == "disabled" else "disabled"
        source.set_status(name, status)
        assert source.publish(client) is None
        now = published(client)
        assert next(project.status for project in now.projects if project.name == name) == status
        versions.append(now.version)
    assert versions == sorted(set(versions))


def test_changes_within_one_millisecond_are_told_apart(
    server: clickhouse.Connection, client: redis.Redis
) -> None:
    source = registry.Registry(server)
    source.create("shop")
    source.create("blog")
    server.execute("ALTER TABLE projects UPDATE changed_at = '2100-01-01 00:00:00' WHERE 1", settings=AT_ONCE)
    versions = []
    for name in ("shop", "blog"):
        source.set_status(name, "disabled")
        source.publish(client)
        versions.append(published(client).version)
    assert server.execute("SELECT uniq(changed_at) FROM projects FINAL") == [(1,)]
    assert versions == [versions[0], versions[0] + 1]


def test_a_newer_registry_stays_until_it_was_there_before_the_older_one_was_read(
    server: clickhouse.Connection, client: redis.Redis
) -> None:
    source = registry.Registry(server)
    source.create("shop")
    server.execute(BACKUP)
    server.execute("INSERT INTO backup SELECT * FROM projects")
    source.set_status("shop", "disabled")
    source.publish(client)
    new = published(client)
    server.execute("EXCHANGE TABLES projects AND backup")
    newer = source.publish(client)
    assert (newer, published(client)) == (new.version, new)
    assert source.publish(client, replace=new.version - 1) == new.version, "another one came meanwhile"
    assert published(client) == new
    assert source.publish(client, replace=newer) is None
    assert published(client) == source.snapshot()
    assert published(client).projects[0].status == "active"
