"""Memory for the meanings of members of reports.

A report as a whole is new, but nearly all of its members have been seen before: pages, policies, browsers,
directives. So the meaning of a member is remembered by the bytes that were sent.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT: Final = 256
"""Longest value, in bytes, of which many are remembered. With their number this bounds a memory to 4 MB."""
LONG: Final = 8192
"""Longest value, in bytes, of which few are remembered, such as a policy: 4 MB again. No longer one is."""
SHORT_ENTRIES: Final = 4096
LONG_ENTRIES: Final = 128

_Meaning = TypeVar("_Meaning")


def remembered(reading: Callable[[bytes], _Meaning]) -> Callable[[bytes], _Meaning]:
    """Return a pure function of a value's bytes that remembers its latest answers."""
    short, long = tiers(reading)

    @functools.wraps(reading)
    def recall(sent: bytes) -> _Meaning:
        return short(sent) if len(sent) <= SHORT else long(sent)

    return recall


def tiers(reading: Callable[..., _Meaning]) -> tuple[Callable[..., _Meaning], Callable[..., _Meaning]]:
    """Return a pure function of a value twice: for values of at most ``SHORT`` bytes, and for longer ones."""
    short = functools.lru_cache(SHORT_ENTRIES)(reading)
    remembering = functools.lru_cache(LONG_ENTRIES)(reading)

    def long(sent: bytes, *rest: object) -> _Meaning:
        return (remembering if len(sent) <= LONG else reading)(sent, *rest)

    return short, long
