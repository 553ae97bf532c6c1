"""Real servers for every test of this layer, started once for a session and stopped with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.servers import clickhouse
from tests.helpers import databases, harness

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


@pytest.fixture(scope="session")
def migrated(clickhouse_server: harness.ClickHouseServer) -> databases.MigratedDatabase:
    """A migrated database that no test changes: ``.copy()`` for one of the test's own."""
    return databases.MigratedDatabase.make(clickhouse_server.address)


@pytest.fixture
def address(migrated: databases.MigratedDatabase) -> Iterator[clickhouse.Address]:
    """A fresh, migrated database."""
    fresh = migrated.copy()
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
