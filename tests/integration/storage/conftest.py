"""An empty queue and an empty database for each test."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec
import pytest

from storage import clickhouse, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests import harness


@pytest.fixture
def client(redis_server: harness.RedisServer) -> Iterator[redis.Redis]:
    connection = redis_server.client()
    connection.flushall()
    yield connection
    connection.close()


@pytest.fixture
def address(clickhouse_server: harness.ClickHouseServer) -> clickhouse.Address:
    fresh = msgspec.structs.replace(clickhouse_server.address, database=f"test_{secrets.token_hex(4)}")
    assert migrate.apply(fresh) == [migration.name for migration in migrate.migrations()]
    return fresh


@pytest.fixture
def server(address: clickhouse.Address) -> Iterator[clickhouse.Connection]:
    connection = clickhouse.connect(address)
    yield connection
    connection.execute(f"DROP DATABASE `{address.database}`")
    connection.close()
