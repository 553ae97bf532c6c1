"""Where the running system is: as the settings say, else as the ``runtime.json`` of a data directory says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from deploy.directory import runtime
from deploy.network import addresses
from storage import errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deploy import settings
    from storage.servers import clickhouse


class NotFoundError(errors.HeadraceError):
    """Neither a setting nor a data directory says where the system is."""


class SqlReader(NamedTuple):
    """Whom to log in as for reading, and the session settings that keep it to reading."""

    address: clickhouse.Address
    settings: Mapping[str, object]


class Located:
    """The addresses of a system; each is looked for when it is asked for.

    Raises, from every property:
        NotFoundError: nothing says where it is.
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
        """ClickHouse, as the user who may write."""
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
        """The number of shards; what is set explicitly wins."""
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
