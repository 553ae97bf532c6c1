"""Cleaning of text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.text import cleaning


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("plain", "plain"),
        ("  spaced\t", "spaced"),
        ("two\r\nlines", "two lines"),
        ("a\0b\x07c\x85d\x7fe", "abcde"),
        ("line\u2028separator", "line\u2028separator"),
        ("\u202egnp", "\u202egnp"),
        ("пример 例 😀", "пример 例 😀"),
        ("", ""),
    ],
)
def test_clean(value: str, cleaned: str) -> None:
    assert cleaning.clean(value, 100) == cleaned


def test_clean_bounds_the_length() -> None:
    assert cleaning.clean("x" * 100, 7) == "x" * 7


@given(st.text(), st.integers(0, 50))
def test_clean_leaves_one_bounded_line_and_is_idempotent(value: str, limit: int) -> None:
    cleaned = cleaning.clean(value, limit)
    assert len(cleaned) <= limit
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in cleaned)
    assert cleaning.clean(cleaned, limit) == cleaned
