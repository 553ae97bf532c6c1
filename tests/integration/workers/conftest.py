"""What workers find in Redis before anything else, a registry; and what they log, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import structlog

from storage.projects import model, registry
from workers.failures import failpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture(scope="session", autouse=True)
def _short_logs() -> Iterator[None]:
    """Log in lines, as workers do: tracebacks with all variables of a batch take seconds each."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    """Leave no failpoint armed behind a test."""
    yield
    failpoints.arm("")


@pytest.fixture
def client(client: redis.Redis) -> redis.Redis:
    """A client of a Redis that holds nothing but a registry without projects."""
    client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(model.Snapshot(version=1, projects=())))
    return client
