"""One Redis and one edge for the tests that change neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers import harness
from tests.integration.ingest import edges

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    import redis


@pytest.fixture(scope="package")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.RedisServer]:
    """A Redis of this package's own, because the registry in it is."""
    with harness.redis_server(tmp_path_factory.mktemp("edge-redis")) as server:
        yield server


@pytest.fixture(scope="package")
def redis_client(redis_server: harness.RedisServer) -> Iterator[redis.Redis]:
    """A client of that Redis, which holds ``edges.PROJECTS``."""
    with redis_server.client() as client:
        edges.publish(client, 1)
        yield client


@pytest.fixture(scope="package")
def edge(
    tmp_path_factory: pytest.TempPathFactory, redis_server: harness.RedisServer, redis_client: redis.Redis
) -> Iterator[edges.Edge]:
    """An edge that is ready, and impatient with slow bodies."""
    assert redis_client.ping()
    with edges.edge(tmp_path_factory.mktemp("edge"), redis_server.url, body_timeout=1.0) as running:
        assert running.is_ready()
        yield running


@pytest.fixture
def http(edge: edges.Edge) -> Iterator[httpx.Client]:
    """An HTTP client of that edge."""
    with edge.client() as client:
        yield client
