"""Bars for days: none, few, many, and unknown."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from deploy.printing import glyphs, sparkline


@pytest.mark.parametrize(
    ("numbers", "unicode", "plain"),
    [
        ([], "", ""),
        ([0, 0], "▁▁", "__"),
        ([None, 0, 7], "·▁█", "?_#"),
        ([1, 2, 3, 4, 5, 6, 7], "▂▃▄▅▆▇█", ".:-=+*#"),
        ([1, 1_000_000], "▂█", ".#"),
        ([5], "█", "#"),
    ],
)
def test_a_bar_for_each_number(numbers: list[int | None], unicode: str, plain: str) -> None:
    assert sparkline.draw(numbers, glyphs.UNICODE) == unicode
    assert sparkline.draw(numbers, glyphs.ASCII) == plain


@hypothesis.given(st.lists(st.none() | st.integers(0, 2**64 - 1)))
def test_bars_tell_none_from_few_and_from_unknown(numbers: list[int | None]) -> None:
    drawn = sparkline.draw(numbers, glyphs.UNICODE)
    for number, bar in zip(numbers, drawn, strict=True):
        assert (bar == glyphs.UNICODE.unknown) == (number is None)
        assert (bar == glyphs.UNICODE.zero) == (number == 0)
    heights = [
        (number, glyphs.UNICODE.levels.find(bar))
        for number, bar in zip(numbers, drawn, strict=True)
        if number is not None
    ]
    assert [height for _, height in sorted(heights)] == sorted(height for _, height in heights)
