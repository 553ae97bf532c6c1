"""Sampling keeps what it should, and its weights add up to what arrived."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.limits import sampling

COUNTS = st.dictionaries(st.integers(0, 2**64 - 1), st.integers(1, 10_000), min_size=1, max_size=30)


def kept(counts: dict[int, int], rates: dict[int, float], seed: str) -> dict[int, int]:
    """Return how many reports of each finding are kept."""
    samplers = sampling.samplers(rates, counts, seed)
    return {
        fingerprint: sum(samplers[fingerprint].keeps_next() for _ in range(count))
        for fingerprint, count in counts.items()
    }


@pytest.mark.parametrize(
    ("counts", "budget", "expected"),
    [
        ({1: 10}, 10, {1: 1.0}),
        ({1: 10}, 1, {1: 0.1}),
        ({1: 10, 2: 10}, 10, {1: 0.5, 2: 0.5}),
        ({1: 1000, 2: 10, 3: 1}, 61, {1: 0.05, 2: 1.0, 3: 1.0}),
        ({1: 1000, 2: 500, 3: 1}, 101, {1: 0.05, 2: 0.1, 3: 1.0}),
        ({1: 2, 2: 2}, 1, {1: 0.25, 2: 0.25}),
    ],
)
def test_the_most_frequent_give_way_first(
    counts: dict[int, int], budget: float, expected: dict[int, float]
) -> None:
    assert sampling.fitting(counts, budget) == expected


@given(COUNTS, st.integers(1, 20_000))
def test_the_shares_fill_the_budget_and_no_more(counts: dict[int, int], budget: int) -> None:
    rates = sampling.fitting(counts, budget)
    share = sum(rates[fingerprint] * count for fingerprint, count in counts.items())
    assert share == pytest.approx(min(budget, sum(counts.values())))
    assert all(0 < rate <= 1 for rate in rates.values())


@given(COUNTS, st.integers(1, 20_000), st.text(max_size=5))
def test_what_is_kept_is_the_budget(counts: dict[int, int], budget: int, seed: str) -> None:
    found = kept(counts, sampling.fitting(counts, budget), seed)
    assert abs(sum(found.values()) - min(budget, sum(counts.values()))) <= 1
    assert found == kept(counts, sampling.fitting(counts, budget), seed)


@given(st.floats(0.0001, 1), st.floats(0, 1, exclude_max=True), st.integers(1, 2000))
def test_what_is_kept_is_evenly_spread(rate: float, start: float, count: int) -> None:
    sampler = sampling.Sampler(rate, start)
    positions = [number for number in range(count) if sampler.keeps_next()]
    gaps = {after - before for before, after in itertools.pairwise(positions)}
    assert gaps <= {math.floor(1 / rate), math.ceil(1 / rate)} or rate > 0.5


def test_weights_add_up_to_what_arrived_on_average() -> None:
    """A thousand batches of findings of all sizes, each sampled down to a tenth."""
    chance, errors = random.Random(3), []
    for batch in range(1000):
        counts = {number: int(chance.paretovariate(1)) + 1 for number in range(40)}
        rates = sampling.fitting(counts, max(1, sum(counts.values()) // 10))
        found = kept(counts, rates, str(batch))
        weight = sum(found[number] / rates[number] for number in counts)
        errors.append(weight / sum(counts.values()) - 1)
    deviation = statistics.stdev(errors) / math.sqrt(len(errors))
    assert abs(statistics.mean(errors)) < 4 * deviation
    assert deviation < 0.01
