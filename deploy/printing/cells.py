"""Values of ClickHouse as the cells of a table."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from deploy.printing import printable

_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 64) - 1
"""Integers beyond these two have no number in JSON that others read as it was written."""


def shown(value: object) -> str:
    """Return a value as text on one line that controls no terminal."""
    return printable.line(text(value))


def text(value: object) -> str:
    """Return a value as text, as ClickHouse would write it: times in UTC, arrays and maps as JSON."""
    if value is None:
        return "NULL"
    if isinstance(value, dt.datetime) and value.utcoffset() in {None, dt.timedelta()}:
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds").removesuffix(".000")
    kept = plain(value)
    if isinstance(kept, dict | list):
        return msgspec.json.encode(kept, enc_hook=str).decode()
    return str(kept)


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON is any shape
    """Return the value as JSON can hold it: longer integers than 64 bits as text, bytes as UTF-8."""
    if isinstance(value, int):
        return value if _LEAST <= value <= _MOST else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    return value
