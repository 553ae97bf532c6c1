"""What workers find in Redis before anything else: a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from storage import registry

if TYPE_CHECKING:
    import redis


@pytest.fixture
def client(client: redis.Redis) -> redis.Redis:
    """A client of a Redis that holds nothing but a registry without projects."""
    client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(registry.Snapshot(version=1, projects=())))
    return client
