"""Quotas: the kinds of quota, how each is counted, and which of them a project's settings set.

A quota is counted in slots of time, by time of receipt. Its reason stands in the table ``outcomes`` for each
report that it keeps out, and in the answer of an edge that refuses an upload because of it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from storage.projects import project_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

KEEP_S: Final = 3600
"""Seconds for which the counters of a quota, a budget or a set of findings outlive their span."""

_MINUTE_SLOTS: Final = 60


class Quota(NamedTuple):
    """One kind of quota: its reason in ``outcomes``, and how it is counted.

    Attributes:
        reason: the reason of reports that it keeps out.
        setting: the field of ``ProjectSettings`` that holds its limit.
        each_key: whether each public key has its own.
        slot_s: seconds that are counted together.
        slots: how many of them make its span.
    """

    reason: str
    setting: str
    each_key: bool
    slot_s: int
    slots: int


QUOTAS: Final = (
    Quota("project_day", "quota_per_day", each_key=False, slot_s=900, slots=96),
    Quota("key_day", "key_quota_per_day", each_key=True, slot_s=900, slots=96),
    Quota("project_minute", "quota_per_minute", each_key=False, slot_s=1, slots=_MINUTE_SLOTS),
    Quota("key_minute", "key_quota_per_minute", each_key=True, slot_s=1, slots=_MINUTE_SLOTS),
)
"""Where two quotas leave equally few reports, the first one gives the reason: the one that lasts longer."""
BY_REASON: Final[Mapping[str, Quota]] = {quota.reason: quota for quota in QUOTAS}


def has_quotas(settings: project_settings.ProjectSettings) -> bool:
    """Return whether any quota is set."""
    return any(getattr(settings, quota.setting) for quota in QUOTAS)


@functools.lru_cache(maxsize=1024)
def are_set(settings: project_settings.ProjectSettings) -> bool:
    """Return whether a project has any limit on what it may have accepted: a quota, sampling, a cap.

    A setting is such a limit if its declaration says under which value it sets none (``NO_LIMIT``).
    """
    return any(getattr(settings, name) != no_limit for name, no_limit in limit_settings().items())


@functools.cache
def limit_settings() -> Mapping[str, object]:
    """Return the settings that limit reports by name, each with the value under which it sets no limit."""
    information = msgspec.inspect.type_info(project_settings.ProjectSettings)
    assert isinstance(information, msgspec.inspect.StructType)  # noqa: S101 - for the type checker
    declared = {
        field.name: field.type.extra or {}
        for field in information.fields
        if isinstance(field.type, msgspec.inspect.Metadata)
    }
    return {
        name: extra[project_settings.NO_LIMIT]
        for name, extra in declared.items()
        if project_settings.NO_LIMIT in extra
    }


def limits(settings: project_settings.ProjectSettings) -> list[dict[str, object]]:
    """Return the quotas that are set, as ``limits/grant_quotas.lua`` takes them."""
    found: list[dict[str, object]] = []
    for quota in QUOTAS:
        limit = getattr(settings, quota.setting)
        if limit:
            bursts = quota.slots == _MINUTE_SLOTS and settings.quota_burst
            counted = {**quota._asdict(), "limit": limit, "burst": settings.quota_burst if bursts else limit}
            found.append({**counted, "keep_s": 2 * quota.slots * quota.slot_s + KEEP_S})
    return found
