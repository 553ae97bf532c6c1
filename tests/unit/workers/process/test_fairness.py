"""Who is set aside: a project that keeps others waiting, and only as long as it does."""

from __future__ import annotations

import pytest

from storage.queue import isolation
from workers.process import fairness

LOUD, QUIET = 1, 2
MANY = fairness.ASIDE_AT


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def judge(clock: Clock) -> fairness.Fairness:
    return fairness.Fairness(clock)


def loads(loud: int, *, aside: int = 0, quiet_sent: int = 0) -> dict[int, fairness.Load]:
    return {LOUD: fairness.Load(10**6, loud, aside), QUIET: fairness.Load(quiet_sent, 0, 0)}


def test_a_project_that_keeps_another_waiting_is_set_aside(judge: fairness.Fairness) -> None:
    assert judge.decide(loads(MANY)) == set()
    assert judge.decide(loads(MANY, quiet_sent=1)) == {LOUD}
    assert judge.due


def test_costly_payloads_count_for_more(judge: fairness.Fairness) -> None:
    few = MANY // 10
    judge.decide(loads(few))
    assert judge.decide(loads(few, quiet_sent=1), {QUIET: 10**6}) == set()
    costs = {LOUD: 10 * fairness.USUAL_COST_US}
    assert judge.decide(loads(few, quiet_sent=2), costs) == {LOUD}


def test_alone_a_project_may_have_everything(judge: fairness.Fairness) -> None:
    for _ in range(3):
        assert judge.decide({LOUD: fairness.Load(10**6, 10 * MANY, 0)}) == set()


def test_who_was_silent_for_long_needs_no_protection(judge: fairness.Fairness, clock: Clock) -> None:
    judge.decide(loads(0))
    judge.decide(loads(0, quiet_sent=1))
    clock.now += fairness.ACTIVE_S
    assert judge.decide(loads(MANY, quiet_sent=1)) == set()


def test_who_sends_while_little_waits_is_looked_at_now_and_then(
    judge: fairness.Fairness, clock: Clock
) -> None:
    assert judge.due
    judge.decide(loads(0))
    assert not judge.due
    clock.now += fairness.CALM_S
    assert judge.due
    judge.decide(loads(0, quiet_sent=1))
    clock.now += fairness.CALM_S - 1
    assert judge.decide(loads(MANY, quiet_sent=1)) == {LOUD}, "at the first look"


def test_it_comes_back_when_its_backlog_has_been_small_for_a_while(
    judge: fairness.Fairness, clock: Clock
) -> None:
    judge.decide(loads(0))
    judge.decide(loads(MANY, quiet_sent=1))
    clock.now += fairness.REST_S - 1
    assert judge.decide(loads(0, aside=fairness.BACK_AT, quiet_sent=2)) == {LOUD}
    clock.now += fairness.REST_S - 1
    assert judge.decide(loads(0, aside=1, quiet_sent=3)) == {LOUD}
    clock.now += 1
    assert judge.decide(loads(0, quiet_sent=4)) == set()
    assert not judge.due


def test_patient_is_where_nobody_waits_but_who_is_set_aside() -> None:
    waiting = {0: {LOUD: (9, 5)}, 1: {LOUD: (9, 5), QUIET: (3, 1)}, 2: {LOUD: (9, 5), QUIET: (3, 0)}, 3: {}}
    assert fairness.low_priority(waiting, frozenset({LOUD})) == {0, 2, 3}
    assert fairness.low_priority(waiting, frozenset()) == set()


def test_each_shard_has_a_lane_aside() -> None:
    assert list(isolation.every(2)) == [0, 1, 2, 3]
    assert [isolation.isolated_stream(shard, 2) for shard in range(2)] == [2, 3]
    assert [isolation.is_isolated(stream, 2) for stream in isolation.every(2)] == [False, False, True, True]
