"""Widths of columns: which cells give way, and how far."""

from __future__ import annotations

import hypothesis
import pytest
import rich.cells
from hypothesis import strategies as st

from deploy.printing import layout

COLUMNS = st.lists(st.builds(layout.column, st.integers(1, 300), whole=st.booleans()), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("columns", "available", "widths"),
    [
        ([(20, 10), (5, 5)], 80, [20, 5]),
        ([(100, 10), (5, 5)], 40, [30, 5]),
        ([(100, 10), (50, 10), (12, 10)], 80, [30, 30, 12]),
        ([(100, 10), (90, 90)], 80, None),
        ([(100, 10), (60, 60)], 80, [15, 60]),
        ([(100, 10)] * 6, 77, [10] * 6),
        ([(100, 10)] * 6, 76, None),
    ],
)
def test_the_widest_columns_give_way_first(
    columns: list[tuple[int, int]], available: int, widths: list[int] | None
) -> None:
    assert layout.fit([layout.Column(*column) for column in columns], available) == widths


@hypothesis.given(COLUMNS, st.integers(10, 200))
def test_a_table_fits_and_wastes_nothing(columns: list[layout.Column], available: int) -> None:
    room = available - layout.EDGES - layout.GAP * (len(columns) - 1)
    widths = layout.fit(columns, available)
    if widths is None:
        assert sum(column.least for column in columns) > room
        return
    natural = sum(column.width for column in columns)
    assert sum(widths) == min(natural, room)
    assert all(column.least <= width <= column.width for column, width in zip(columns, widths, strict=True))


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("a few words", 6, "a few…"),
        ("\u6f22\u5b57\u6f22\u5b57", 8, "\u6f22\u5b57\u6f22\u5b57"),
        ("\u6f22\u5b57\u6f22\u5b57", 6, "\u6f22\u5b57…"),
        ("e\u0301" * 4, 4, "e\u0301" * 4),
        ("e\u0301" * 4, 3, "e\u0301" * 2 + "…"),
        ("\U0001f44d\U0001f3fd" * 3, 5, "\U0001f44d\U0001f3fd" * 2 + "…"),
        ("anything", 0, ""),
    ],
)
def test_a_text_is_cut_between_what_a_terminal_shows_as_one(text: str, width: int, shown: str) -> None:
    assert layout.cut(text, width, "…") == shown
    assert rich.cells.cell_len(layout.cut(text, width, "...")) <= width
