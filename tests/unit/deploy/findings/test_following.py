"""Sums of two looks: what has grown is new, whatever moves from rows to days meanwhile."""

from __future__ import annotations

import pytest

from deploy.findings import following

BEFORE = following.Sums(100, 0, {1: 5, 2: 1}, {9: 7})


@pytest.mark.parametrize(
    ("before", "after", "grown"),
    [
        ({}, {1: 2}, {1: 2}),
        ({1: 2}, {1: 5}, {1: 3}),
        ({1: 2}, {1: 2}, {}),
        ({1: 2}, {1: 1}, {}),
        ({1: 2}, {}, {}),
    ],
)
def test_sums_that_have_grown_are_new(
    before: dict[int, int], after: dict[int, int], grown: dict[int, int]
) -> None:
    assert following.grown(before, after) == grown


def test_between_sweeps_only_rows_are_compared() -> None:
    look = following.look_again(BEFORE, 100, None, [(1, 1, 1, 1, 6), (3, 1, 3, 1, 2)])
    assert (look.rows, look.days) == ({1: 1, 3: 2}, {})
    assert look.sums == following.Sums(100, 0, {1: 6, 3: 2}, {9: 7})


def test_rows_that_become_days_are_compared_as_rows_and_kept_as_days() -> None:
    found = [(1, 1, 9, 0, 6), (2, 1, 2, 1, 1), (9, 0, 9, 0, 8)]
    look = following.look_again(BEFORE, 200, 50, found)
    assert (look.rows, look.days) == ({1: 1}, {9: 1})
    assert look.sums == following.Sums(200, 50, {2: 1}, {9: 14})


def test_days_that_become_rows_are_compared_as_days_and_kept_as_rows() -> None:
    found = [(1, 1, 1, 1, 5), (2, 1, 2, 1, 1), (9, 0, 4, 1, 3), (9, 0, 9, 0, 6)]
    look = following.look_again(BEFORE, 50, 0, found)
    assert (look.rows, look.days) == ({}, {9: 2})
    assert look.sums == following.Sums(50, 0, {1: 5, 2: 1, 4: 3}, {9: 6})


def test_no_second_look_comes_before_the_first() -> None:
    follower = following.Follower.__new__(following.Follower)
    follower._sums = None
    with pytest.raises(RuntimeError):
        follower.look(None)  # type: ignore[arg-type]
