"""Exhausted quotas: workers note them in Redis, and edges refuse uploads until there is room again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

from storage.limits import quotas
from storage.servers import clocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis.asyncio

    from storage.projects import project_settings

EXHAUSTED_KEY: Final = "headrace:limits"
"""Redis sorted set: the exhausted quotas, each by the second in which there is room again."""


class Exhausted(NamedTuple):
    """A quota that is used up.

    Attributes:
        project_id: the project that has the quota.
        key: the public key that has the quota; "" if it is the project's.
        reason: the reason that tells which quota it is.
        limit: the limit that was reached.
        until_s: when there is room again, in seconds since the epoch by Redis' clock.
    """

    project_id: int
    key: str
    reason: str
    limit: int
    until_s: int

    def stands(self, settings: project_settings.ProjectSettings) -> bool:
        """Return whether the limit is still the one that the project's settings name."""
        quota = quotas.BY_REASON.get(self.reason)
        return quota is not None and getattr(settings, quota.setting) == self.limit

    def is_credible(self, now_s: float) -> bool:
        """Return whether the quota may be used up until then: none is for longer than its span.

        Args:
            now_s: seconds since the epoch by Redis' clock.
        """
        quota = quotas.BY_REASON.get(self.reason)
        return quota is None or self.until_s - now_s <= (quota.slots + 2) * quota.slot_s


class ExhaustedQuotas(NamedTuple):
    """The exhausted quotas by which edges refuse uploads, and the clocks by which they tell the time.

    Attributes:
        exhausted: the quotas that are used up.
        redis_s: Redis' clock, in seconds since the epoch.
        told_s: maintenance's clock as it told last, likewise; 0 where it never did.
    """

    exhausted: list[Exhausted]
    redis_s: float
    told_s: float


async def load(client: redis.asyncio.Redis) -> ExhaustedQuotas:
    """Return the quotas that are used up, and drop notes that claim a longer time than any quota's span."""
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.get(clocks.KEY)
        pipeline.zrange(EXHAUSTED_KEY, 0, -1, withscores=True)
        now, told, members = await pipeline.execute()
    redis_s = clocks.redis_ms(now) / 1000
    credible = [pair for pair in members if all(one.is_credible(redis_s) for one in read([pair]))]
    if len(credible) < len(members):
        # Noted while a clock was ahead: such a note would be believed once that time comes.
        kept = {member for member, _ in credible}
        await client.zrem(EXHAUSTED_KEY, *(member for member, _ in members if member not in kept))
    return ExhaustedQuotas(read(credible), redis_s, clocks.told_ms(told) / 1000)


def read(members: Sequence[tuple[bytes, float]]) -> list[Exhausted]:
    """Return the quotas that members of the sorted set ``EXHAUSTED_KEY`` stand for, with their scores.

    A member that another release wrote and this one cannot read is left out.
    """
    found = []
    for member, until in members:
        with contextlib.suppress(ValueError, OverflowError):
            project_id, reason, limit, key = member.decode().split(" ", 3)
            found.append(Exhausted(int(project_id), key, reason, int(limit), int(until)))
    return found
