"""CSV that strangers wrote into: no cell is a formula, and each row is one line."""

from __future__ import annotations

import csv

import hypothesis
import pytest
from hypothesis import strategies as st

from deploy.printing import spreadsheet
from storage.text import characters

CELLS = st.lists(st.text() | st.integers() | st.none(), min_size=2, max_size=2)


@pytest.mark.parametrize("sign", list("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))
@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\ufeff"])
def test_a_text_that_begins_like_a_formula_is_marked(sign: str, before: str) -> None:
    assert spreadsheet.neutral(f"{before}{sign}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("text", ["", "inline", "https://a.example/?a=b", "1-2", "[=a]", "'=1", "a@b"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert spreadsheet.neutral(text) == text


def test_numbers_stay_numbers() -> None:
    assert list(spreadsheet.lines(("a", "b", "c"), [(-1, "-1", None)])) == ["a,b,c\r\n", "-1,'-1,\r\n"]


@hypothesis.given(st.lists(CELLS))
def test_each_row_is_one_line_and_is_read_as_it_was_written(rows: list[list[object]]) -> None:
    written = list(spreadsheet.lines(("one", "two"), rows))
    assert all(line.endswith("\r\n") and not characters.holds_hidden(line[:-2]) for line in written)
    read = list(csv.reader(written, strict=True))
    assert read[1:] == [
        [
            spreadsheet.neutral(cell) if isinstance(cell, str) else str("" if cell is None else cell)
            for cell in row
        ]
        for row in rows
    ]
