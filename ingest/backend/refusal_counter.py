"""Counts the requests that the edge refuses or sheds, and brings the counts to Redis each second."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Final

from storage import errors
from storage.queue import envelope
from storage.tables import refusals as stored_refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis.asyncio

    from ingest import refusals
    from ingest.checks import targets

_MAX_KEYS: Final = 4096
"""Distinct counters between two flushes; as many wait for Redis while it is away."""
_MAX_PAIRS: Final = 100
"""Pairs of environment and release of one project whose refusals are counted apart in one hour.

Anybody can write any pair into a query, and each counter becomes a row that stays.
"""
_FLUSH_SECONDS: Final = 1.0
_MINUTE: Final = 60
_HOUR: Final = 3600


class _Pairs:
    """The pairs of environment and release that are counted apart in this hour: the first that arrive."""

    def __init__(self) -> None:
        self._hour = 0
        self._known: dict[int, set[tuple[str, str]]] = {}

    def counted(self, target: targets.Target, second: int) -> tuple[str, str]:
        """Return the pair under which a request of this second is counted."""
        pair = (target.environment, target.release)
        if pair == ("", ""):
            return pair
        if second // _HOUR != self._hour:
            self._hour = second // _HOUR
            self._known.clear()
        known = self._known.setdefault(target.project_id, set())
        if pair not in known:
            if len(known) >= _MAX_PAIRS:
                return "", envelope.OTHER_RELEASE
            known.add(pair)
        return pair


class RefusalCounter:
    """The counts since the last flush. While Redis is down they stay, in bounded memory, until it is back.

    A flush that is not confirmed is tried again as it was: if Redis has stored it after all, it counts once.

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
        self._unconfirmed: stored_refusals.Flush | None = None
        self._edge = ""
        self._flushes = 0
        self._pairs = _Pairs()

    def count(self, refusal: refusals.Refusal, target: targets.Target) -> None:
        """Count a refused request.

        A pair beyond ``_MAX_PAIRS`` of its project is counted under release ``(other)``. Beyond ``_MAX_KEYS``
        counters a request is counted by its minute and reason alone.
        """
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
        """Add the counts to those in Redis; after a failure they stay for the next flush."""
        with contextlib.suppress(errors.HeadraceError, TimeoutError):
            while self._unconfirmed or self._counts:
                if self._unconfirmed is None:
                    self._unconfirmed, self._counts = self._next_flush(), {}
                async with asyncio.timeout(self._timeout):
                    await stored_refusals.flush(self._client, self._unconfirmed)
                self._unconfirmed = None

    def _next_flush(self) -> stored_refusals.Flush:
        self._edge = self._edge or secrets.token_hex(8)  # not before the process was forked
        self._flushes += 1
        return stored_refusals.Flush(self._edge, self._flushes, self._counts)

    def _key(self, target: targets.Target, reason: str, outcome: str) -> stored_refusals.RefusalKey:
        second = int(self._clock())
        environment, release = self._pairs.counted(target, second)
        return stored_refusals.RefusalKey(
            second // _MINUTE * _MINUTE, target.project_id, target.key, environment, release, reason, outcome
        )

    def _add(self, key: stored_refusals.RefusalKey, quantity: int) -> None:
        if key not in self._counts and len(self._counts) >= _MAX_KEYS:
            key = stored_refusals.RefusalKey(key.minute, 0, "", "", "", key.reason, key.outcome)
        self._counts[key] = self._counts.get(key, 0) + quantity
