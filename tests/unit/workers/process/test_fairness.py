"""Which projects are noisy: those that keep others waiting, and only as long as they do."""

from __future__ import annotations

import pytest

from storage.queue import isolation
from tests.helpers import clocks
from workers.process import fairness

NOISY, QUIET = 1, 2
MANY = fairness.ISOLATE_AT


@pytest.fixture
def clock() -> clocks.FakeClock:
    return clocks.FakeClock()


@pytest.fixture
def fair(clock: clocks.FakeClock) -> fairness.Fairness:
    return fairness.Fairness(clock)


def loads(noisy: int, *, isolated: int = 0, quiet_sent: int = 0) -> dict[int, fairness.ProjectLoad]:
    return {
        NOISY: fairness.ProjectLoad(10**6, noisy, isolated),
        QUIET: fairness.ProjectLoad(quiet_sent, 0, 0),
    }


def test_a_project_that_keeps_another_waiting_is_isolated(fair: fairness.Fairness) -> None:
    assert fair.decide(loads(MANY)) == set()
    assert fair.decide(loads(MANY, quiet_sent=1)) == {NOISY}
    assert fair.must_count


def test_costly_payloads_count_for_more(fair: fairness.Fairness) -> None:
    few = MANY // 10
    fair.decide(loads(few))
    assert fair.decide(loads(few, quiet_sent=1), {QUIET: 10**6}) == set()
    costs = {NOISY: 10 * fairness.USUAL_COST_US}
    assert fair.decide(loads(few, quiet_sent=2), costs) == {NOISY}


def test_alone_a_project_may_have_everything(fair: fairness.Fairness) -> None:
    for _ in range(3):
        assert fair.decide({NOISY: fairness.ProjectLoad(10**6, 10 * MANY, 0)}) == set()


def test_a_project_that_was_silent_for_long_needs_no_protection(
    fair: fairness.Fairness, clock: clocks.FakeClock
) -> None:
    fair.decide(loads(0))
    fair.decide(loads(0, quiet_sent=1))
    clock.now += fairness.ACTIVE_S
    assert fair.decide(loads(MANY, quiet_sent=1)) == set()


def test_backlogs_are_counted_now_and_then_while_few_payloads_wait(
    fair: fairness.Fairness, clock: clocks.FakeClock
) -> None:
    must_count = [fair.must_count]
    fair.decide(loads(0))
    must_count.append(fair.must_count)
    clock.now += fairness.IDLE_COUNT_S
    must_count.append(fair.must_count)
    assert must_count == [True, False, True]
    fair.decide(loads(0, quiet_sent=1))
    clock.now += fairness.IDLE_COUNT_S - 1
    assert fair.decide(loads(MANY, quiet_sent=1)) == {NOISY}, "at the first count"


def test_a_project_rejoins_when_its_backlog_has_been_small_for_a_while(
    fair: fairness.Fairness, clock: clocks.FakeClock
) -> None:
    fair.decide(loads(0))
    fair.decide(loads(MANY, quiet_sent=1))
    clock.now += fairness.REJOIN_AFTER_S - 1
    assert fair.decide(loads(0, isolated=fairness.REJOIN_BELOW, quiet_sent=2)) == {NOISY}
    clock.now += fairness.REJOIN_AFTER_S - 1
    assert fair.decide(loads(0, isolated=1, quiet_sent=3)) == {NOISY}
    clock.now += 1
    assert fair.decide(loads(0, quiet_sent=4)) == set()
    assert not fair.must_count


def test_a_stream_has_low_priority_while_only_noisy_projects_wait_in_it() -> None:
    waiting = {
        0: {NOISY: (9, 5)},
        1: {NOISY: (9, 5), QUIET: (3, 1)},
        2: {NOISY: (9, 5), QUIET: (3, 0)},
        3: {},
    }
    assert fairness.low_priority_streams(waiting, frozenset({NOISY})) == {0, 2, 3}
    assert fairness.low_priority_streams(waiting, frozenset()) == set()


def test_each_shard_has_an_isolated_stream() -> None:
    assert list(isolation.every(2)) == [0, 1, 2, 3]
    assert [isolation.isolated_stream(shard, 2) for shard in range(2)] == [2, 3]
    assert [isolation.is_isolated(stream, 2) for stream in isolation.every(2)] == [False, False, True, True]
