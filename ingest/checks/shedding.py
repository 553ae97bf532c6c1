"""Sheds at the edge the reports that a used-up quota would keep out anyway, until there is room again.

The workers decide what a quota grants. While one is used up they say so in Redis. The edge polls this like
the registry, and spares the queue reports that would be counted and thrown away.
"""

from __future__ import annotations

import functools
import math
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from ingest import refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ingest.checks import targets
    from storage.limits import exhausted_quotas

DETAILS: Final = {
    "project_minute": "This project's quota of a minute is used up.",
    "project_day": "This project's quota of a day is used up.",
    "key_minute": "This public key's quota of a minute is used up.",
    "key_day": "This public key's quota of a day is used up.",
}
"""The sentence for a person, by the reason under which it is counted."""


class UsedUpQuota(NamedTuple):
    """A used-up quota: until when it is used up, in seconds by this process' clock, and its reason."""

    until: float
    reason: str


class Shedder:
    """The used-up quotas, as of the last poll.

    Args:
        clock: seconds, monotonic.

    Attributes:
        used_up: the used-up quotas by project and public key; the key is "" when the quota is that of the
            project. The dict is nearly always empty, so it is looked at before anything else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.used_up: dict[tuple[int, str], UsedUpQuota] = {}

    def replace(self, exhausted: Iterable[exhausted_quotas.Exhausted], now_s: float) -> None:
        """Use these quotas from now on.

        Args:
            exhausted: the quotas that are used up.
            now_s: seconds since the epoch by the clock of Redis, which their ends are told by.
        """
        local = self._clock() - now_s
        used_up: dict[tuple[int, str], UsedUpQuota] = {}
        for entry in exhausted:
            quota = UsedUpQuota(entry.until_s + local, entry.reason)
            scope = (entry.project_id, entry.key)
            used_up[scope] = max(quota, used_up.get(scope, quota))
        self.used_up = used_up

    def find(self, target: targets.Target) -> UsedUpQuota | None:
        """Return the used-up quota that keeps a request out for the longest time; None when none does."""
        project, key = target.project_id, target.key
        relevant = [self.used_up[scope] for scope in ((project, ""), (project, key)) if scope in self.used_up]
        if not relevant:
            return None
        longest = max(relevant)
        return longest if longest.until > self._clock() else None

    def refusal_of(self, quota: UsedUpQuota) -> refusals.Refusal:
        """Return the answer to a request that a used-up quota keeps out: 429, and when to come back."""
        return _refusal(math.ceil(quota.until - self._clock()), quota.reason)


@functools.lru_cache(maxsize=1024)
def _refusal(seconds: int, reason: str) -> refusals.Refusal:
    scope = reason.partition("_")[0]
    return refusals.Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        reason,
        DETAILS[reason],
        retry_after=str(seconds),
        x_sentry_rate_limits=f"{seconds}:security:{scope}:{reason}",
    )
