"""Times in milliseconds since the epoch, as times in UTC that people and programs can read."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Final

from deploy.printing import tables

_UNITS: Final = ((7 * 86_400, "w"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def utc(ms: float) -> dt.datetime | None:
    """Return the time, or None for one beyond the calendar, which a wrong clock may have told."""
    with contextlib.suppress(OverflowError, ValueError, OSError):
        return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
    return None


def minute(moment: dt.datetime | None) -> tables.Uncut:
    """Return the time to the minute, as a table of 80 columns has room for it; nothing for None."""
    return tables.Uncut("" if moment is None else f"{moment:%Y-%m-%d %H:%M}")


def ago(since: dt.datetime, now: dt.datetime) -> str:
    """Return how long ago it was in the greatest unit that fits, as in ``5m``; a time to come is ``now``."""
    seconds = int((now - since).total_seconds())
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return "now"
