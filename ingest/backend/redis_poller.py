"""Looks at Redis five times a second: what changed in the registry, who is set aside, is there room?

Between two looks the edge relies on what it saw last. So requests never ask Redis anything, and a Redis that
is away does not take the registry from a running edge. A Redis that answers and holds no registry was
emptied, or is another one: the edge then answers 503 until the registry is published again, rather than go on
by what may be out of date.

Each look also says by which version of the registry the edge goes, so that commands can wait for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from storage.limits import exhausted_quotas
from storage.projects import edges, registry
from storage.queue import isolation

if TYPE_CHECKING:
    import redis.asyncio

    from ingest import config
    from ingest.backend import clock as clocks
    from ingest.checks import shedding, targets

_log = structlog.get_logger(__name__)


class RedisPoller:
    """What this process last saw of Redis.

    Args:
        client: the Redis to look at, over a connection of its own: its name says what the edge goes by.
        table: told of each new snapshot of the registry.
        shedder: told of the quotas that are used up.
        settings: how often to look, how long to wait, and where the high-water mark lies.
        clock: compared with Redis' and maintenance's.

    Attributes:
        reachable: whether Redis answered the last look.
        full: whether Redis' memory was above the high-water mark.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        table: targets.TargetTable,
        shedder: shedding.Shedder,
        settings: config.EdgeConfig,
        clock: clocks.Clock,
    ) -> None:
        self._client = client
        self._table = table
        self._shedder = shedder
        self._settings = settings
        self._clock = clock
        self._version: int | None = None
        self.reachable = False
        self.full = False

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.poll()
            await asyncio.sleep(self._settings.refresh_interval)

    async def poll(self) -> None:
        """Look once; a Redis that does not answer changes nothing but ``reachable``."""
        try:
            async with asyncio.timeout(2 * self._settings.redis_timeout):
                await self._refresh_registry()
                await edges.announce(self._client, self._version)
                self._table.set_aside(await isolation.load(self._client))
                await self._refresh_limits()
                self._measure(await self._client.info("memory"))
        except Exception as error:  # noqa: BLE001 - whatever it was, this look must not be the last
            self._note_unreachable(error)
        else:
            self._note_reachable()

    async def _refresh_registry(self) -> None:
        version = await registry.load_version(self._client)
        if version is None:  # whatever is published next is news, even under the same version
            self._note_no_registry()
            return
        if version == self._version:
            return
        try:
            snapshot = await registry.load_snapshot(self._client)
        except msgspec.DecodeError as error:
            # An older edge beside a newer publisher keeps serving what it knows.
            _log.error("registry_unreadable", version=version, error=str(error))
            return
        if snapshot is not None:
            self._table.replace(snapshot)
            self._version = snapshot.version

    async def _refresh_limits(self) -> None:
        limits = await exhausted_quotas.load(self._client)
        self._clock.compare(limits.redis_s, limits.told_s)
        self._shedder.replace(filter(self._table.stands, limits.exhausted), limits.redis_s)

    def _note_no_registry(self) -> None:
        if self._version is not None:
            _log.warning("registry_lost")
        self._version = None
        self._table.forget()

    def _measure(self, memory: dict[str, Any]) -> None:
        """Compare ``INFO memory`` with the mark; a Redis without ``maxmemory`` is never full."""
        used, limit = int(memory["used_memory"]), int(memory["maxmemory"])
        full = limit > 0 and used > limit * self._settings.memory_high_water
        if full != self.full:
            _log.warning("redis_memory_high" if full else "redis_memory_normal", used=used, limit=limit)
        self.full = full

    def _note_reachable(self) -> None:
        if not self.reachable:
            _log.info("redis_reachable")
        self.reachable = True

    def _note_unreachable(self, error: Exception) -> None:
        if self.reachable:
            _log.warning("redis_unreachable", error=repr(error))
        self.reachable = False
