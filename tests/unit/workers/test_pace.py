"""How large batches become, by how long they took."""

from __future__ import annotations

import pytest

from workers import drain, jobs

MOST = drain.Limits(max_bytes=1_000_000, max_payloads=1_000, max_reports=2_000)


@pytest.fixture
def pace() -> jobs.Pace:
    return jobs.Pace(MOST, seconds=0.5)


def drained(batches: int = 1) -> drain.Drained:
    return drain.Drained(batches, 0, 0)


def test_fast_batches_are_as_large_as_they_may(pace: jobs.Pace) -> None:
    pace.note(drained(), 0.0)
    assert pace.limits == MOST


def test_a_batch_that_took_too_long_makes_the_next_one_fit(pace: jobs.Pace) -> None:
    pace.note(drained(2), 2.0)
    assert (pace.limits.max_bytes, pace.limits.max_payloads, pace.limits.max_reports) == (500_000, 500, 1_000)


def test_batches_grow_again_by_and_by(pace: jobs.Pace) -> None:
    pace.note(drained(), 2.0)
    sizes = []
    for _ in range(4):
        pace.note(drained(), 0.1)
        sizes.append(pace.limits.max_payloads)
    assert sizes == [500, 1_000, 1_000, 1_000]


def test_no_batch_is_so_small_that_its_fixed_cost_is_most_of_it(pace: jobs.Pace) -> None:
    pace.note(drained(), 1_000.0)
    assert pace.limits.max_payloads == 50


def test_a_drain_that_found_nothing_says_nothing(pace: jobs.Pace) -> None:
    pace.note(drained(0), 60.0)
    assert pace.limits == MOST
