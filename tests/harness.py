"""Real servers in temporary directories: what the integration, fault and browser tests share."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import redis

from deploy import backends, child, network, settings
from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.embedded import redis as embedded_redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage import clickhouse


@dataclasses.dataclass(frozen=True)
class RedisServer:
    """A running Redis and the process that is it."""

    url: str
    process: child.Child

    def client(self) -> redis.Redis:
        """Return a new client."""
        return redis.Redis.from_url(self.url)


@dataclasses.dataclass(frozen=True)
class ClickHouseServer:
    """A running ClickHouse and the process that is it."""

    server: embedded_clickhouse.Server
    process: child.Child

    @property
    def url(self) -> str:
        """The native protocol, for the user who may write."""
        return self.server.url

    @property
    def address(self) -> clickhouse.Address:
        """The same, as storage takes it."""
        return settings.clickhouse_address(self.url)

    @property
    def analyst(self) -> clickhouse.Address:
        """The user who may only read."""
        return settings.clickhouse_address(self.server.analyst_url)


@contextlib.contextmanager
def redis_server(directory: Path, port: int | None = None) -> Iterator[RedisServer]:
    """Run a Redis on the data in this directory, with Headrace's own options."""
    port = port or network.free_port()
    url = embedded_redis.url(port)
    maxmemory = 256 * settings.MEBIBYTE
    process = embedded_redis.start(
        directory / "data", port, directory / "redis.log", maxmemory=maxmemory, appendfsync="always"
    )
    try:
        ready = child.wait_until(
            lambda: backends.redis_is_ready(url), embedded_redis.START_SECONDS, child=process
        )
        assert ready, (directory / "redis.log").read_text()
        yield RedisServer(url, process)
    finally:
        process.stop()


@contextlib.contextmanager
def clickhouse_server(directory: Path) -> Iterator[ClickHouseServer]:
    """Run a ClickHouse on the data in this directory, with Headrace's own configuration."""
    log = directory / "clickhouse.log"
    server = embedded_clickhouse.prepare(
        directory / "server", network.free_port(), network.free_port(), directory / "clickhouse-server.log"
    )
    process = embedded_clickhouse.start(server, log)
    running = ClickHouseServer(server, process)
    try:
        ready = child.wait_until(
            lambda: backends.clickhouse_is_ready(running.address),
            embedded_clickhouse.START_SECONDS,
            child=process,
        )
        assert ready, log.read_text()
        yield running
    finally:
        process.stop()
