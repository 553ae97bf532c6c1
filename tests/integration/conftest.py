"""Real servers for every test of this layer, started once for a session and stopped with it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec
import pytest

from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.RedisServer]:
    """An embedded Redis: ``.url``, and ``.client()`` for a connected client."""
    with harness.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.ClickHouseServer]:
    """An embedded ClickHouse: ``.url``, and ``.address`` of the user who may write."""
    with harness.clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.System]:
    """A whole ``headrace up``: ``.post()``, ``.query()``, ``.wait_drained()``, ``.headrace()``."""
    with harness.system(tmp_path_factory.mktemp("system")) as running:
        yield running


@pytest.fixture
def client(redis_server: harness.RedisServer) -> Iterator[redis.Redis]:
    """A client of an emptied Redis."""
    connection = redis_server.client()
    connection.flushall()
    yield connection
    connection.close()


@pytest.fixture
def address(clickhouse_server: harness.ClickHouseServer) -> Iterator[clickhouse.Address]:
    """A fresh, migrated database."""
    fresh = msgspec.structs.replace(clickhouse_server.address, database=f"test_{secrets.token_hex(4)}")
    assert migrate.apply(fresh) == [migration.name for migration in migrate.migrations()]
    yield fresh
    connection = clickhouse.connect(fresh)
    connection.execute(f"DROP DATABASE `{fresh.database}`")
    connection.close()


@pytest.fixture
def server(address: clickhouse.Address) -> Iterator[clickhouse.Connection]:
    """A connection to the fresh database."""
    connection = clickhouse.connect(address)
    yield connection
    connection.close()
