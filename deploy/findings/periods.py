"""The period that somebody asks about, and its division into bars."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, NamedTuple

DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
_UNITS_MS: Final = {
    "m": _MINUTE_MS,
    "min": _MINUTE_MS,
    "h": 60 * _MINUTE_MS,
    "d": DAY_MS,
    "w": 7 * DAY_MS,
}
_AGO: Final = re.compile(r"([1-9]\d{0,8})(m|min|h|d|w)")
_STEPS_MS: Final = tuple(
    minutes * _MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
)


class Since(NamedTuple):
    """The beginning of a period, as somebody says it.

    Args:
        ms: how long ago, or the time since the epoch, in milliseconds.
        ago: which of the two it is.
        whole: whether whole days are meant, in UTC.
    """

    ms: int
    ago: bool
    whole: bool


class Period(NamedTuple):
    """A period until now, in bars of equal length of which the last one ends now, or today.

    Args:
        now_ms: the time by ClickHouse's clock, in milliseconds since the epoch.
        since_ms: the beginning.
        step_ms: the length of a bar.
        bars: how many there are.
        whole: whether it begins with a day, in UTC, so that the days of findings tell all of it.
    """

    now_ms: int
    since_ms: int
    step_ms: int
    bars: int
    whole: bool

    @property
    def since(self) -> dt.datetime:
        """The beginning, in UTC."""
        return dt.datetime.fromtimestamp(self.since_ms / 1000, dt.UTC)

    @property
    def starts(self) -> list[dt.datetime]:
        """The beginning of each bar, in UTC; the first one may begin before the period."""
        end = (self.now_ms // DAY_MS + 1) * DAY_MS if self.whole else self.now_ms
        first = end - self.bars * self.step_ms
        return [
            dt.datetime.fromtimestamp((first + bar * self.step_ms) / 1000, dt.UTC) for bar in range(self.bars)
        ]


def parse(text: str) -> Since:
    """Read the beginning of a period: ``90m``, ``24h``, ``7d``, ``2w``, a date, or a time.

    Days, weeks and dates mean whole days in UTC; a time without a zone is in UTC.

    Raises:
        ValueError: it is none; the error says what would be.
    """
    if matched := _AGO.fullmatch(text):
        return Since(int(matched[1]) * _UNITS_MS[matched[2]], ago=True, whole=matched[2] in "dw")
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("how long ago (90m, 24h, 7d, 2w), a date, or a time") from None
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return Since(round(at.timestamp() * 1000), ago=False, whole=_is_date(text))


def period(since: Since, now_ms: int, most_bars: int) -> Period:
    """Return the period from there until now, in at most this many bars."""
    begin = max(0, min(now_ms - since.ms if since.ago else since.ms, now_ms))
    if since.whole:
        begin -= begin % DAY_MS
        days = now_ms // DAY_MS - begin // DAY_MS + 1
        step = -(-days // most_bars)
        return Period(now_ms, begin, step * DAY_MS, -(-days // step), whole=True)
    span = max(now_ms - begin, 1)
    least = -(-span // most_bars)
    step = next((one for one in _STEPS_MS if one >= least), -(-least // DAY_MS) * DAY_MS)
    return Period(now_ms, begin, step, -(-span // step), whole=False)


def _is_date(text: str) -> bool:
    return ":" not in text and "T" not in text.upper() and " " not in text
