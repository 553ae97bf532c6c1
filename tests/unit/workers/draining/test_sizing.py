"""How large batches become, by how long they took."""

from __future__ import annotations

import pytest

from workers.draining import batch_limits, sizing

MOST = batch_limits.BatchLimits(max_bytes=1_000_000, max_payloads=1_000, max_reports=2_000)


@pytest.fixture
def half() -> sizing.BatchSizing:
    return sizing.BatchSizing(MOST, seconds=0.5, start=0.5)


def test_the_first_batch_is_no_bet(half: sizing.BatchSizing) -> None:
    limits = half.limits
    assert (limits.max_bytes, limits.max_payloads, limits.max_reports) == (500_000, 500, 1_000)


def test_fast_batches_are_as_large_as_they_may(half: sizing.BatchSizing) -> None:
    half.learn(0.0)
    assert half.limits == MOST
    half.learn(0.0)
    assert half.limits == MOST


def test_a_batch_that_took_too_long_makes_the_next_one_fit(half: sizing.BatchSizing) -> None:
    half.learn(1.0)
    assert half.limits.max_payloads == 250


def test_batches_double_again_when_they_may(half: sizing.BatchSizing) -> None:
    half.learn(1.0)
    sizes = []
    for _ in range(3):
        half.learn(0.1)
        sizes.append(half.limits.max_payloads)
    assert sizes == [500, 1_000, 1_000]


def test_no_batch_is_so_small_that_its_fixed_cost_is_most_of_it(half: sizing.BatchSizing) -> None:
    for _ in range(10):
        half.learn(1_000.0)
    assert half.limits.max_payloads == 50


def test_one_batch_that_waited_for_something_else_changes_little(half: sizing.BatchSizing) -> None:
    half.learn(1_000.0)
    assert half.limits.max_payloads == 250


def test_a_small_batch_says_nothing_unless_it_was_slow(half: sizing.BatchSizing) -> None:
    half.learn(0.01, full=False)
    assert half.limits.max_payloads == 500
    half.learn(1.0, full=False)
    assert half.limits.max_payloads == 250
