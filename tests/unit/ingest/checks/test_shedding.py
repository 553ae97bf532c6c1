"""Which used-up quota keeps a request out, and what it is answered."""

from __future__ import annotations

import pytest

from ingest import refusals
from ingest.checks import credentials, shedding, targets
from storage.limits import exhausted_quotas, quotas
from tests.helpers import clocks

REDIS_S = 1_790_000_000.0


def target(project_id: int = 1, key: str = "k") -> targets.Target:
    return targets.Target(None, project_id, credentials.Credentials(key, "", "", 0), 0)


def exhausted(until_s: float, key: str = "", reason: str = "project_minute") -> exhausted_quotas.Exhausted:
    return exhausted_quotas.Exhausted(1, key, reason, 10, int(until_s))


def shedder(*limits: exhausted_quotas.Exhausted, clock: clocks.FakeClock | None = None) -> shedding.Shedder:
    made = shedding.Shedder(clock or clocks.FakeClock(50.0))
    made.replace(limits, REDIS_S)
    return made


def test_nothing_is_shed_by_a_quota_of_others() -> None:
    tested = shedder(exhausted(REDIS_S + 9, "other", "key_minute"))
    assert tested.find(target()) is None
    assert tested.find(target(2, "other")) is None
    assert tested.find(target(key="other")) == shedding.UsedUpQuota(59.0, "key_minute")


@pytest.mark.parametrize("order", [1, -1])
def test_the_longest_one_counts(order: int) -> None:
    limits = [
        exhausted(REDIS_S + 9),
        exhausted(REDIS_S + 99, reason="project_day"),
        exhausted(REDIS_S + 30, "k", "key_minute"),
    ]
    assert shedder(*limits[::order]).find(target()) == shedding.UsedUpQuota(149.0, "project_day")
    assert shedder(*limits[::2][::order]).find(target()) == shedding.UsedUpQuota(80.0, "key_minute")


def test_it_ends_by_itself_by_the_clock_of_the_process() -> None:
    clock = clocks.FakeClock(50.0)
    tested = shedder(exhausted(REDIS_S + 9), clock=clock)
    clock.now += 8.99
    assert tested.find(target())
    clock.now += 0.02
    assert tested.find(target()) is None


def test_the_answer_says_when_to_come_back_and_rounds_up() -> None:
    clock = clocks.FakeClock(50.0)
    tested = shedder(exhausted(REDIS_S + 9, "k", "key_day"), clock=clock)
    limit = tested.find(target())
    assert limit is not None
    clock.now += 0.5
    refusal = tested.refusal_of(limit)
    assert (refusal.status, refusal.reason) == (429, "key_day")
    assert refusal.headers["retry-after"] == "9"
    assert refusal.headers["x-sentry-rate-limits"] == "9:security:key:key_day"
    assert tested.refusal_of(limit) is refusal


def test_every_quota_has_its_sentence() -> None:
    assert set(shedding.DETAILS) == {quota.reason for quota in quotas.QUOTAS}
    assert isinstance(shedder().refusal_of(shedding.UsedUpQuota(51, "project_day")), refusals.Refusal)
