"""Fixtures of the tests of commands: servers without a process of Headrace, and an analyst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from storage.projects import registry
from storage.tables import migrate
from tests.helpers import analysts, harness, servers, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from storage.servers import clickhouse


@pytest.fixture
def bare(
    redis_server: harness.RedisServer,
    client: redis.Redis,
    address: clickhouse.Address,
    server: clickhouse.Connection,
) -> servers.Servers:
    """Give servers without a process of Headrace; the project ``shop`` is published."""
    source = registry.Registry(server)
    source.create("shop")
    source.publish(client)
    return servers.Servers(redis_server.url, address, client, server)


@pytest.fixture(scope="session")
def person(clickhouse_server: harness.ClickHouseServer) -> Iterator[analysts.Analyst]:
    """The analyst of a server with its tables."""
    migrate.apply(clickhouse_server.address)
    with httpx.Client(timeout=waiting.PATIENCE_S) as client:
        yield analysts.Analyst(clickhouse_server, client)
