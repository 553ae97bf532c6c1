"""Marks tell which of the two stores was set back, and never say so of stores that were not."""

from __future__ import annotations

from concurrent import futures
from typing import TYPE_CHECKING, Any

import pytest

from storage.ledger import marks
from storage.servers import clickhouse
from storage.tables import writer

if TYPE_CHECKING:
    import redis

    from tests.helpers import harness

HOUR_MS = 3_600_000


def stored(server: clickhouse.Connection) -> list[int]:
    return [number for (number,) in server.execute("SELECT number FROM marks FINAL ORDER BY number")]


def make(client: redis.Redis, server: clickhouse.Connection, count: int) -> None:
    """Make so many marks, an hour apart."""
    for _ in range(count):
        assert marks.compare(client, server) is None
        client.hincrby(marks.KEY, "ms", -HOUR_MS)


def test_a_mark_is_made_when_the_last_one_is_old(client: redis.Redis, server: clickhouse.Connection) -> None:
    assert [marks.compare(client, server) for _ in range(3)] == [None] * 3
    assert stored(server) == [1]
    client.hincrby(marks.KEY, "ms", -marks.INTERVAL_MS)
    assert [marks.compare(client, server) for _ in range(3)] == [None] * 3
    assert stored(server)[-1] == 2


def test_a_clock_that_was_ahead_stops_no_marks(client: redis.Redis, server: clickhouse.Connection) -> None:
    marks.compare(client, server)
    client.hincrby(marks.KEY, "ms", HOUR_MS)
    assert marks.compare(client, server) is None
    assert stored(server)[-1] == 2


def test_a_mark_that_only_redis_has_is_stored_later(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    make(client, server, 2)
    client.hincrby(marks.KEY, "number", 1)
    assert marks.compare(client, server) is None
    assert stored(server)[-1] >= 3
    assert marks.breaks(server) == []


def test_an_emptied_redis_is_told_once(client: redis.Redis, server: clickhouse.Connection) -> None:
    make(client, server, 3)
    client.flushall()
    found = marks.compare(client, server)
    assert found is not None
    assert (found.store, found.since_ms) == ("redis", 0)
    assert [marks.compare(client, server) for _ in range(2)] == [None] * 2
    assert marks.breaks(server) == [found]
    assert client.hget(marks.KEY, "number") == b"4"


def test_a_redis_from_a_backup_is_told_with_its_time(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    make(client, server, 2)
    backup: Any = client.hgetall(marks.KEY)
    make(client, server, 2)
    client.hset(marks.KEY, mapping=backup)
    found = marks.compare(client, server)
    assert found is not None
    assert (found.store, found.since_ms) == ("redis", int(backup[b"ms"]))
    assert found.until_ms <= found.found_ms
    assert marks.breaks(server) == [found]


@pytest.mark.parametrize("kept", [0, 1])
def test_a_clickhouse_from_a_backup_is_told_with_its_time(
    kept: int, client: redis.Redis, server: clickhouse.Connection
) -> None:
    make(client, server, kept)
    backup = server.execute("SELECT * FROM marks")
    make(client, server, 3)
    server.execute("TRUNCATE TABLE marks")
    for number, at in backup:
        writer.insert(server, "marks", {"number": [number], "at": [at]}, "backup")
    found = marks.compare(client, server)
    assert found is not None
    assert (found.store, bool(found.since_ms)) == ("clickhouse", bool(kept))
    assert [marks.compare(client, server) for _ in range(2)] == [None] * 2
    assert marks.breaks(server) == [found]


def test_processes_that_keep_marks_at_once_find_no_break(
    client: redis.Redis, redis_server: harness.RedisServer, address: clickhouse.Address
) -> None:
    def keep(_: int) -> list[marks.Break]:
        server, own = clickhouse.connect(address), redis_server.client()
        found = []
        for _ in range(20):
            own.hincrby(marks.KEY, "ms", -marks.INTERVAL_MS)
            found += [each for each in (marks.compare(own, server),) if each]
        server.close()
        own.close()
        return found

    client.delete(marks.KEY)
    with futures.ThreadPoolExecutor(4) as together:
        assert list(together.map(keep, range(4))) == [[]] * 4
