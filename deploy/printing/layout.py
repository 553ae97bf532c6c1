"""Widths of the columns of a table: long cells give way, and the widest ones first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import rich.cells

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP: Final = 3
"""Cells between two columns."""
EDGES: Final = 2
"""Cells to the left and to the right of a table."""
LEAST: Final = 10
"""Cells that a column which gives way keeps: fewer tell nothing."""


class Column(NamedTuple):
    """The width of a column in cells, and the least that still tells what it holds."""

    width: int
    least: int


def column(width: int, *, whole: bool) -> Column:
    """Return a column of this width; ``whole`` where a cut cell would tell another thing, as numbers do."""
    return Column(width, width if whole else min(width, LEAST))


def fit(columns: Sequence[Column], available: int, gap: int = GAP) -> list[int] | None:
    """Return a width for each column, so that all fit.

    Cells are taken from the widest columns, one by one, until they are as wide as the next
    ones: none gives while another has more.

    Args:
        columns: the columns from left to right.
        available: cells of the terminal.
        gap: cells between two columns.

    Returns:
        The widths; None where the columns do not even fit at their least.
    """
    room = available - EDGES - gap * (len(columns) - 1)
    if sum(least for _, least in columns) > room:
        return None
    widths = [max(min(width, room), least) for width, least in columns]
    while sum(widths) > room:
        _, widest = max((width, index) for index, width in enumerate(widths) if width > columns[index].least)
        widths[widest] -= 1
    return widths


def cut(text: str, width: int, ellipsis: str) -> str:
    """Return a text that is at most this many cells wide; an ellipsis stands for what is missing.

    Wide characters, emoji and combining marks count as terminals show them, and none is cut in two.
    """
    if rich.cells.cell_len(text) <= width:
        return text
    kept = max(width - len(ellipsis), 0)
    return rich.cells.set_cell_size(text, kept).rstrip() + ellipsis[:width]
