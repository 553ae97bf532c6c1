"""Readings of values are remembered, and never mixed up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.model import memo
from workers.reading import values


@pytest.mark.parametrize(
    ("size", "times"), [(1, 1), (memo.SHORT, 1), (memo.SHORT + 1, 1), (memo.LONG, 1), (memo.LONG + 1, 2)]
)
def test_a_value_is_read_once_unless_it_is_huge(size: int, times: int) -> None:
    read: list[bytes] = []

    def length(sent: bytes) -> int:
        read.append(sent)
        return len(sent)

    recall = memo.remembered(length)
    assert [recall(b"x" * size), recall(b"x" * size)] == [size, size]
    assert len(read) == times


def test_only_the_latest_values_are_remembered() -> None:
    read: list[bytes] = []
    recall = memo.remembered(read.append)
    sent = [str(number).encode() for number in range(memo.SHORT_ENTRIES + 1)]
    for value in [*sent, sent[0], sent[-1]]:
        recall(value)
    assert len(read) == len(sent) + 1


def test_further_arguments_tell_readings_apart() -> None:
    for recall in memo.tiers(lambda sent, name: (sent, name)):
        assert recall(b"1", "a") == (b"1", "a")
        assert recall(b"1", "b") == (b"1", "b")


@given(st.sampled_from([b"1", b"1.0", b"true", b'"1"', b'"true"', b"[1]"]))
def test_equal_values_of_other_types_are_not_confused(sent: bytes) -> None:
    assert values.text_of(sent) == ({b'"1"': "1", b'"true"': "true"}.get(sent))
