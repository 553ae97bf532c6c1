"""Memory for the meanings of members of reports.

A report as a whole is new, but nearly all of its members have been seen before: pages, policies, browsers,
directives. So the meaning of a member is remembered by the bytes that were sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRIES: Final = 2048
"""Values that are remembered before the oldest are forgotten; as many again are still known by then."""
BYTES: Final = 1 << 20
"""Bytes of these values. With as many again, and their meanings, this bounds a memory to 4 MB."""
LONGEST: Final = 8192
"""Longest value, in bytes, that is remembered, such as a policy."""

_Key = TypeVar("_Key")
_Meaning = TypeVar("_Meaning")


def remembered(reading: Callable[[bytes], _Meaning]) -> Callable[[bytes], _Meaning]:
    """Return a pure function of a value's bytes that remembers its latest answers."""
    return _Memory(reading, len).__getitem__


def remembered_by_name(
    reading: Callable[[tuple[str, bytes]], _Meaning],
) -> Callable[[tuple[str, bytes]], _Meaning]:
    """Return a pure function of a member's name and value that remembers its latest answers."""
    return _Memory(reading, _size).__getitem__


def _size(member: tuple[str, bytes]) -> int:
    name, sent = member
    return len(name) + len(sent)


class _Memory(dict[_Key, _Meaning], Generic[_Key, _Meaning]):
    """The latest answers: a dictionary, because no call of Python answers as fast as a look into one.

    Each answer that is given is among the latest. When there are too many, they become the earlier ones, and
    the earlier ones that nobody asked for meanwhile are forgotten.
    """

    __slots__ = ("_bytes", "_earlier", "_reading", "_size_of")

    def __init__(self, reading: Callable[[_Key], _Meaning], size_of: Callable[[_Key], int]) -> None:
        super().__init__()
        self._reading = reading
        self._size_of = size_of
        self._earlier: dict[_Key, _Meaning] = {}
        self._bytes = 0

    def __missing__(self, key: _Key) -> _Meaning:
        size = self._size_of(key)
        if size > LONGEST:
            return self._reading(key)
        meaning = self._earlier[key] if key in self._earlier else self._reading(key)
        if len(self) >= ENTRIES or self._bytes + size > BYTES:
            self._earlier, self._bytes = dict(self), 0
            self.clear()
        self[key] = meaning
        self._bytes += size
        return meaning
