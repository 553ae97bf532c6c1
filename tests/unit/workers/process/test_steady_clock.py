"""A clock that was set ahead is not believed at once."""

from __future__ import annotations

from tests.helpers import clocks
from workers.process import steady_clock

HOUR_MS = 3_600_000


def test_a_leap_ahead_is_not_trusted_until_the_clock_goes_on_from_there() -> None:
    monotonic = clocks.FakeClock()
    clock = steady_clock.SteadyClock(monotonic, 5.0)
    assert clock.trusts(5_000)
    monotonic.now += 600
    assert clock.trusts(5_000 + 600_000 + HOUR_MS)
    monotonic.now += 600
    assert not clock.trusts(500 * HOUR_MS)
    assert clock.trusts(9_000_000), "set back"
    monotonic.now += 600
    assert not clock.trusts(500 * HOUR_MS)
    monotonic.now += 600
    assert clock.trusts(500 * HOUR_MS + 600_000)
