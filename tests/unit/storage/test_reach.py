"""The reach sketch: its merge, and how near its estimate comes."""

from __future__ import annotations

import functools
import operator
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.queue import reach

if TYPE_CHECKING:
    from collections.abc import Iterable

SEED = 12
SLOTS = st.integers(0, reach.EVEN * (reach.RARE + 1))
SKETCHES = st.lists(SLOTS, max_size=50).map(lambda slots: union(map(reach.sketch_of, slots)))


def union(sketches: Iterable[int]) -> int:
    """Return the merged sketch."""
    return functools.reduce(operator.or_, sketches, reach.UNKNOWN)


def sketch(senders: int, seed: int) -> int:
    """Return the sketch of so many senders."""
    numbers = random.Random(seed)
    return union(reach.sketch_of(reach.slot_of(numbers.getrandbits(64))) for _ in range(senders))


@given(SKETCHES, SKETCHES, SKETCHES)
def test_merging_knows_no_order_and_no_repetition(one: int, two: int, three: int) -> None:
    """Merging is associative, commutative and idempotent; an estimate never shrinks by it."""
    assert (one | two) | three == one | (two | three)
    assert union((one, two, one, two)) == union((two, one))
    assert (reach.estimate(one | two) or 0) >= (reach.estimate(one) or 0)


@given(st.integers(0, 2**64 - 1))
def test_a_sender_sets_one_even_bit_and_at_most_one_rare_bit(digest: int) -> None:
    """Each hash has a slot, whose sketch counts as one sender."""
    slot = reach.slot_of(digest)
    sketch = reach.sketch_of(slot)
    assert 1 <= slot <= reach.EVEN * (reach.RARE + 1)
    assert 1 <= sketch.bit_count() <= 2
    assert reach.estimate(sketch) == 1
    assert sketch.bit_length() <= reach.BYTES * 8


@pytest.mark.parametrize("slot", [-1, 0, reach.EVEN * (reach.RARE + 1) + 1, 2**63])
def test_what_is_no_slot_is_unknown(slot: int) -> None:
    """A number of another release or a wrong one adds nothing."""
    assert reach.sketch_of(slot) == reach.UNKNOWN
    assert reach.estimate(reach.UNKNOWN) is None


@pytest.mark.parametrize(
    ("senders", "error"), [(2, 0.12), (10, 0.09), (50, 0.09), (100, 0.1), (200, 0.12), (300, 0.15)]
)
def test_a_few_hundred_senders_are_counted_to_their_error(senders: int, error: float) -> None:
    """The root mean square of the relative error over 200 draws is what is promised."""
    found = [reach.estimate(sketch(senders, SEED + draw)) or 0 for draw in range(200)]
    squares = [(each / senders - 1) ** 2 for each in found]
    assert (sum(squares) / len(squares)) ** 0.5 <= error


@pytest.mark.parametrize("senders", [1_000, 10_000, 100_000])
def test_beyond_the_order_of_magnitude_is_told(senders: int) -> None:
    """Nine of ten estimates are within a factor of ten, and half of them within a factor of three."""
    found = sorted((reach.estimate(sketch(senders, SEED + draw)) or 0) / senders for draw in range(10))
    assert found[0] > 1 / 10
    assert found[-1] < 10
    assert sum(1 / 3 <= each <= 3 for each in found) >= 5


def test_the_table_grows_with_the_bits() -> None:
    """More bits never mean fewer senders."""
    for row in reach.LIKELIEST:
        assert list(row) == sorted(row)
    for column in zip(*reach.LIKELIEST, strict=True):
        assert list(column) == sorted(column)
    assert len(reach.LIKELIEST) == reach.EVEN - reach.CROWDED + 1
    assert {len(row) for row in reach.LIKELIEST} == {reach.RARE + 1}
