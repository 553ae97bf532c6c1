"""Periods: how people say when they begin, and the bars that they are divided into."""

from __future__ import annotations

import datetime as dt

import hypothesis
import pytest
from hypothesis import strategies as st

from deploy.findings import periods

NOON = dt.datetime(2026, 11, 27, 12, 34, 56, tzinfo=dt.UTC)
NOW = round(NOON.timestamp() * 1000)
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "since", "step", "bars", "whole"),
    [
        ("15m", NOON - dt.timedelta(minutes=15), 2 * 60_000, 8, False),
        ("90min", NOON - dt.timedelta(minutes=90), 10 * 60_000, 9, False),
        ("24h", NOON - dt.timedelta(days=1), 2 * HOUR, 12, False),
        ("1000h", NOON - dt.timedelta(hours=1000), 3 * 24 * HOUR, 14, False),
        ("7d", dt.datetime(2026, 11, 20, tzinfo=dt.UTC), 24 * HOUR, 8, True),
        ("2w", dt.datetime(2026, 11, 13, tzinfo=dt.UTC), 2 * 24 * HOUR, 8, True),
        ("2026-11-27", dt.datetime(2026, 11, 27, tzinfo=dt.UTC), 24 * HOUR, 1, True),
        ("20261120", dt.datetime(2026, 11, 20, tzinfo=dt.UTC), 24 * HOUR, 8, True),
        ("2026-11-27T12:00", dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC), 5 * 60_000, 7, False),
        ("2026-11-27 12:00:00+01:00", dt.datetime(2026, 11, 27, 11, tzinfo=dt.UTC), 10 * 60_000, 10, False),
        ("2030-01-01", dt.datetime(2026, 11, 27, tzinfo=dt.UTC), 24 * HOUR, 1, True),
        ("999999999w", dt.datetime(1970, 1, 1, tzinfo=dt.UTC), 1485 * 24 * HOUR, 14, True),
    ],
)
def test_a_period_begins_as_it_is_said(
    text: str, since: dt.datetime, step: int, bars: int, whole: object
) -> None:
    period = periods.period(periods.parse(text), NOW, 14)
    assert (period.since, period.step_ms, period.bars, period.whole) == (since, step, bars, whole)


@pytest.mark.parametrize("text", ["", "soon", "7", "0d", "-1h", "1y", "1.5h", "2026-13-01", "d", "7 d"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="how long ago"):
        periods.parse(text)


@hypothesis.given(
    st.sampled_from(["m", "h", "d", "w"]), st.integers(1, 10_000), st.integers(0, 1 << 42), st.integers(1, 60)
)
def test_bars_cover_the_period_and_end_now(unit: str, number: int, now: int, most: int) -> None:
    period = periods.period(periods.parse(f"{number}{unit}"), now, most)
    assert 1 <= period.bars <= most
    starts = [round(start.timestamp() * 1000) for start in period.starts]
    assert len(starts) == period.bars
    assert starts[0] <= period.since_ms
    assert starts[-1] <= now <= starts[-1] + period.step_ms
