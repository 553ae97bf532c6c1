"""Finds the running system: by the settings, else by the ``runtime.json`` of a data directory."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from deploy.directory import runtime
from deploy.network import addresses
from deploy.servers import backends
from storage import errors
from storage.servers import clickhouse
from storage.tables import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import redis

    from deploy import settings


class NotFoundError(errors.HeadraceError):
    """Neither a setting nor a data directory tells the address of the system."""


class SqlReader(NamedTuple):
    """The user to log in as for reading, and the session settings that keep it to reading."""

    address: clickhouse.Address
    settings: Mapping[str, object]


class Located:
    """The addresses of a system; each property looks for its own when it is read.

    Raises, from every property:
        NotFoundError: neither a setting nor a data directory tells it.
    """

    def __init__(self, directory: Path, values: settings.Settings) -> None:
        self._directory = directory
        self._values = values
        self.runtime = runtime.running(directory)

    @property
    def redis_url(self) -> str:
        """The queue."""
        return self._values.redis_url or self._running("HEADRACE_REDIS_URL").redis_url

    @property
    def clickhouse(self) -> clickhouse.Address:
        """ClickHouse, as the user that may write."""
        url = self._values.clickhouse_url or self._running("HEADRACE_CLICKHOUSE_URL").clickhouse_url
        return addresses.clickhouse_address(url)

    @property
    def reader(self) -> SqlReader:
        """ClickHouse, for reading only."""
        url = self._values.analyst_url
        if not url and not self._values.clickhouse_url:
            url = self._running("HEADRACE_CLICKHOUSE_URL").analyst_url
        if url:
            return SqlReader(addresses.clickhouse_address(url), {})
        return SqlReader(self.clickhouse, {"readonly": 1})

    @property
    def public_url(self) -> str:
        """The base URL of the endpoints."""
        return self._values.public_url or self._running("HEADRACE_PUBLIC_URL").public_url

    @property
    def shards(self) -> int:
        """The number of shards; a number that is set explicitly wins."""
        if self.runtime and "shards" not in self._values.model_fields_set:
            return self.runtime.shards
        return self._values.shards

    @property
    def max_body(self) -> int:
        """The longest body that the edge takes, in bytes."""
        return self._values.max_body

    @property
    def high_water(self) -> float:
        """The share of Redis' memory at which the edge refuses reports."""
        return self._values.high_water

    def _running(self, variable: str) -> runtime.Runtime:
        if self.runtime is None:
            raise NotFoundError(
                f"No headrace up is running on {self._directory}: "
                f"name its directory with --data, or set {variable}."
            )
        return self.runtime


@contextlib.contextmanager
def database(
    system: Located, *, send_receive_timeout: float = clickhouse.SEND_RECEIVE_TIMEOUT_S
) -> Iterator[clickhouse.Connection]:
    """Give a connection to ClickHouse that is closed at the end, to a database of this release.

    Args:
        system: the system to connect to.
        send_receive_timeout: how long ClickHouse may be silent, in seconds.

    Raises:
        NotFoundError: neither a setting nor a data directory tells the address.
        ClickHouseUnavailableError: the database is not that of this release, which keeps rows elsewhere.
    """
    with backends.connected(system.clickhouse, send_receive_timeout=send_receive_timeout) as server:
        migrate.require_applied(server)
        yield server


@contextlib.contextmanager
def connected(
    system: Located, *, send_receive_timeout: float = clickhouse.SEND_RECEIVE_TIMEOUT_S
) -> Iterator[tuple[redis.Redis, clickhouse.Connection]]:
    """Give connections to Redis and to ClickHouse, which are closed at the end.

    Args:
        system: the system to connect to.
        send_receive_timeout: how long ClickHouse may be silent, in seconds.

    Raises:
        NotFoundError, ClickHouseUnavailableError: as in ``database``.
    """
    with (
        contextlib.closing(backends.connect_redis(system.redis_url)) as client,
        database(system, send_receive_timeout=send_receive_timeout) as server,
    ):
        yield client, server
