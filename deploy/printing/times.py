"""Times in milliseconds since the epoch, as times in UTC that people and programs can read."""

from __future__ import annotations

import contextlib
import datetime as dt


def utc(ms: float) -> dt.datetime | None:
    """Return the time, or None for one beyond the calendar, which a wrong clock may have told."""
    with contextlib.suppress(OverflowError, ValueError, OSError):
        return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
    return None
