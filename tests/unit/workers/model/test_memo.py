"""Readings of values are remembered, and never mixed up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.model import memo
from workers.reading import values


@pytest.mark.parametrize(("size", "times"), [(1, 1), (memo.LONGEST, 1), (memo.LONGEST + 1, 2)])
def test_a_value_is_read_once_unless_it_is_huge(size: int, times: int) -> None:
    read: list[bytes] = []

    def length(sent: bytes) -> int:
        read.append(sent)
        return len(sent)

    recall = memo.remembered(length)
    assert [recall(b"x" * size), recall(b"x" * size)] == [size, size]
    assert len(read) == times


@pytest.mark.parametrize(("size", "kept"), [(8, memo.ENTRIES), (memo.LONGEST, memo.BYTES // memo.LONGEST)])
def test_only_the_latest_values_are_remembered(size: int, kept: int) -> None:
    read: list[bytes] = []
    recall = memo.remembered(read.append)
    sent = [str(number).encode().ljust(size) for number in range(2 * kept + 1)]
    for value in [*sent, sent[-1], sent[kept], sent[0]]:
        recall(value)
    assert read == [*sent, sent[0]]


def test_a_value_that_comes_again_and_again_is_not_forgotten() -> None:
    read: list[bytes] = []
    recall = memo.remembered(read.append)
    for number in range(4 * memo.ENTRIES):
        recall(str(number).encode())
        recall(b"again")
    assert read.count(b"again") == 1


def test_a_meaning_may_be_none() -> None:
    read: list[bytes] = []
    recall = memo.remembered(read.append)
    for number in [0, *range(memo.ENTRIES + 1), 0]:
        recall(str(number).encode())
    assert len(read) == memo.ENTRIES + 1


def test_names_tell_readings_apart() -> None:
    recall = memo.remembered_by_name(lambda member: member)
    assert [recall(("a", b"1")), recall(("b", b"1"))] == [("a", b"1"), ("b", b"1")]


def test_a_long_name_is_not_remembered() -> None:
    read: list[tuple[str, bytes]] = []
    recall = memo.remembered_by_name(read.append)
    for _ in range(2):
        recall(("a" * memo.LONGEST, b"1"))
    assert len(read) == 2


@given(st.sampled_from([b"1", b"1.0", b"true", b'"1"', b'"true"', b"[1]"]))
def test_equal_values_of_other_types_are_not_confused(sent: bytes) -> None:
    assert values.text_of(sent) == ({b'"1"': "1", b'"true"': "true"}.get(sent))
