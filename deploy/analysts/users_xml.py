"""The allow-list of analysts as ``users.xml`` of a ClickHouse server spells it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax import saxutils

from deploy.analysts import grants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deploy.analysts import allow_list


def settings(allowed: allow_list.AllowList) -> str:
    """Return the settings of the profile, with their values."""
    return _lines(f"<{name}>{saxutils.escape(value)}</{name}>" for name, value in _values(allowed))


def constraints(allowed: allow_list.AllowList) -> str:
    """Return which settings may be changed, and within which bounds."""
    bounded = (
        f"<{name}><min>{bounds.least}</min><max>{bounds.most}</max><changeable_in_readonly/></{name}>"
        for name, bounds in allowed.bounded.items()
    )
    return _lines([*bounded, *(f"<{name}><changeable_in_readonly/></{name}>" for name in allowed.free)])


def queries(allowed: allow_list.AllowList, database: str) -> str:
    """Return the grants on the tables that may be read."""
    granted = grants.on_tables(allowed, database)
    return _lines(f"<query>{saxutils.escape(grant)}</query>" for grant in granted)


def _values(allowed: allow_list.AllowList) -> Iterator[tuple[str, str]]:
    yield "readonly", "1"
    yield from allowed.fixed.items()
    yield from ((name, bounds.most) for name, bounds in allowed.bounded.items())


def _lines(parts: Iterable[str]) -> str:
    return "\n            ".join(parts)
