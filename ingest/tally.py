"""Counts what the edge refuses or sheds, and brings the counts to Redis each second."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from storage import errors
from storage import refusals as stored_refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis.asyncio

    from ingest import refusals, targets

_MAX_KEYS: Final = 4096
"""Distinct counters between two flushes; environment and release come from anybody's query."""
_FLUSH_SECONDS: Final = 1.0
_MINUTE: Final = 60


class Tally:
    """Refusals since the last flush. When Redis is down they are kept, in bounded memory, until it is back.

    Warning: a flush that times out may have been stored, and then counts twice. These are statistics; the
    ledger of accepted payloads does not rest on them.

    Args:
        client: where the counts go.
        timeout: seconds that one flush may take.
        clock: seconds since the epoch.
    """

    def __init__(
        self, client: redis.asyncio.Redis, timeout: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._clock = clock
        self._counts: dict[stored_refusals.RefusalKey, int] = {}

    def count(self, refusal: refusals.Refusal, target: targets.Target) -> None:
        """Count a refused request; beyond ``_MAX_KEYS`` counters only its minute and reason are kept."""
        self._add(self._key(target, refusal.reason, stored_refusals.REFUSED), 1)

    def count_shed(self, reason: str, target: targets.Target, reports: int) -> None:
        """Count the reports of an upload that was answered with 200 and left out by a quota."""
        self._add(self._key(target, reason, stored_refusals.SHED), reports)

    async def run(self) -> None:
        """Flush each second, until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Bring the counts to Redis; on failure they stay for the next time."""
        if not self._counts:
            return
        counts, self._counts = self._counts, {}
        try:
            async with asyncio.timeout(self._timeout):
                await stored_refusals.flush(self._client, counts)
        except (errors.HeadraceError, TimeoutError):
            for key, quantity in counts.items():
                self._add(key, quantity)

    def _key(self, target: targets.Target, reason: str, outcome: str) -> stored_refusals.RefusalKey:
        minute = int(self._clock()) // _MINUTE * _MINUTE
        return stored_refusals.RefusalKey(
            minute, target.project_id, target.key, target.environment, target.release, reason, outcome
        )

    def _add(self, key: stored_refusals.RefusalKey, quantity: int) -> None:
        if key not in self._counts and len(self._counts) >= _MAX_KEYS:
            key = stored_refusals.RefusalKey(key.minute, 0, "", "", "", key.reason, key.outcome)
        self._counts[key] = self._counts.get(key, 0) + quantity
