"""A clock that was set ahead is not believed at once."""

from __future__ import annotations

from workers.process import maintenance

HOUR_MS = 3_600_000


def test_a_leap_ahead_is_not_trusted_until_the_clock_goes_on_from_there() -> None:
    now = [1000.0]
    clock = maintenance.SteadyClock(lambda: now[0], 5.0)
    assert clock.trusts(5_000)
    now[0] += 600
    assert clock.trusts(5_000 + 600_000 + HOUR_MS)
    now[0] += 600
    assert not clock.trusts(500 * HOUR_MS)
    assert clock.trusts(9_000_000), "set back"
    now[0] += 600
    assert not clock.trusts(500 * HOUR_MS)
    now[0] += 600
    assert clock.trusts(500 * HOUR_MS + 600_000)
