"""Times for people: in UTC, and none beyond the calendar."""

from __future__ import annotations

import datetime as dt

import pytest

from deploy.printing import times


def test_a_time_is_in_utc() -> None:
    assert times.utc(1_500) == dt.datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=dt.UTC)


@pytest.mark.parametrize("ms", [2**63, -(2**63)])
def test_a_time_beyond_the_calendar_is_none(ms: int) -> None:
    assert times.utc(ms) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "now"),
        (0, "now"),
        (1, "1s"),
        (59, "59s"),
        (60, "1m"),
        (7_199, "1h"),
        (86_400, "1d"),
        (20 * 86_400, "2w"),
    ],
)
def test_how_long_ago_it_was(seconds: int, told: str) -> None:
    now = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
    assert times.ago(now - dt.timedelta(seconds=seconds), now) == told
