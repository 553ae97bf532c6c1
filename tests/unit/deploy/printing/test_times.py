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
