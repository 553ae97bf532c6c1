"""The clock of an edge while one of three clocks is wrong."""

from __future__ import annotations

import pytest
from structlog import testing

from ingest.backend import clock

HOUR_S = 3600.0


class Clocks:
    """A true time, and by how much each clock is ahead of it."""

    def __init__(self) -> None:
        self.true = 1_790_000_000.0
        self.own = self.redis = self.told = 0.0
        self.tested = clock.Clock(lambda: self.true + self.own, lambda: self.true - 5_000)

    def poll(self) -> None:
        self.tested.compare(self.true + self.redis, self.true + self.told)


@pytest.mark.parametrize("wrong", ["own", "redis", "told"])
@pytest.mark.parametrize("ahead_s", [-30 * 24 * HOUR_S, -6 * HOUR_S, -60, 60, 6 * HOUR_S, 30 * 24 * HOUR_S])
def test_one_wrong_clock_changes_nothing(wrong: str, ahead_s: float) -> None:
    clocks = Clocks()
    clocks.poll()
    setattr(clocks, wrong, ahead_s)
    clocks.true += 0.1
    assert clocks.tested() == pytest.approx(clocks.true), "not before the next poll"
    clocks.poll()
    assert clocks.tested() == pytest.approx(clocks.true)
    setattr(clocks, wrong, 0.0)
    clocks.poll()
    assert clocks.tested() == pytest.approx(clocks.true)


def test_an_edge_that_starts_with_a_wrong_clock_goes_by_the_others_after_its_first_poll() -> None:
    clocks = Clocks()
    clocks.own = -HOUR_S
    clocks.tested = clock.Clock(lambda: clocks.true + clocks.own, lambda: clocks.true)
    assert clocks.tested() == pytest.approx(clocks.true - HOUR_S)
    clocks.poll()
    assert clocks.tested() == pytest.approx(clocks.true)


def test_without_maintenance_the_earlier_of_two_clocks_counts() -> None:
    clocks = Clocks()
    clocks.redis = 6 * HOUR_S
    clocks.tested.compare(clocks.true + clocks.redis, 0.0)
    assert clocks.tested() == pytest.approx(clocks.true)


def test_disagreement_is_logged_once_and_so_is_its_end() -> None:
    clocks = Clocks()
    with testing.capture_logs() as logs:
        for redis_s in (0.0, HOUR_S, HOUR_S, 0.0, 0.0):
            clocks.redis = redis_s
            clocks.poll()
    assert [entry["event"] for entry in logs] == ["clocks_disagree", "clocks_agree"]
    assert logs[0]["redis_ahead_s"] == HOUR_S
