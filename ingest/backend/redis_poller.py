"""Polls Redis five times a second for the registry, isolated projects, used-up quotas, time and memory.

Between two polls the edge uses the answers of the last one. So requests never ask Redis anything, and a Redis
that is away does not take the registry from a running edge. A Redis that answers and holds no registry was
emptied, or is another one: the edge then answers 503 until the registry is published again, because the
registry in its memory may be out of date.

Each poll also tells Redis which version of the registry this edge uses, so that commands can wait for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from ingest.checks import redis_state
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
    """Polls Redis for one edge process.

    Args:
        client: a client with one connection of its own, whose name says which registry the edge uses.
        table: gets each new snapshot of the registry, and the isolated projects.
        shedder: gets the quotas that are used up.
        settings: how often to poll, how long to wait, and where the high-water mark lies.
        clock: is compared with the clocks of Redis and of maintenance.

    Attributes:
        state: whether Redis answers, and whether it is full.

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
        self.state = redis_state.RedisState()
        self._settings = settings
        self._clock = clock
        self._version: int | None = None

    async def run(self) -> None:
        """Poll again and again, until cancelled."""
        while True:
            await self.poll()
            await asyncio.sleep(self._settings.refresh_interval)

    async def poll(self) -> None:
        """Poll once; a Redis that does not answer changes nothing but ``state.reachable``."""
        try:
            async with asyncio.timeout(2 * self._settings.redis_timeout):
                await self._refresh_registry()
                await edges.announce(self._client, self._version)
                self._table.isolate(await isolation.load(self._client))
                await self._refresh_limits()
                self._measure(await self._client.info("memory"))
        except Exception as error:  # noqa: BLE001 - no error may end the polling
            self._note_unreachable(error)
        else:
            self._note_reachable()

    async def _refresh_registry(self) -> None:
        version = await registry.load_version(self._client)
        if version is None:  # the next snapshot is new, even one of the same version
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
        if full != self.state.full:
            _log.warning("redis_memory_high" if full else "redis_memory_normal", used=used, limit=limit)
        self.state.full = full

    def _note_reachable(self) -> None:
        if not self.state.reachable:
            _log.info("redis_reachable")
        self.state.reachable = True

    def _note_unreachable(self, error: Exception) -> None:
        if self.state.reachable:
            _log.warning("redis_unreachable", error=repr(error))
        self.state.reachable = False
