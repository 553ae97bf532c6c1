"""Tables that fit a terminal."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import rich.cells
import rich.table
import rich.text

from deploy.printing import cells, glyphs, layout, printable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Uncut(str):
    """A text that is shown whole or not at all, as bars are."""

    __slots__ = ()


class Part(NamedTuple):
    """A column of a table before it has its width."""

    name: str
    cells: list[str]
    size: layout.Column
    right: bool


def fitted(
    columns: Sequence[str],
    found: Sequence[Sequence[object]],
    width: int,
    *,
    cuts: bool = True,
    gap: int = layout.GAP,
) -> rich.table.Table | None:
    """Return rows as a table that fits, or None where none does.

    Args:
        columns: the names.
        found: the rows.
        width: cells of the terminal.
        cuts: whether a long cell is cut; else it goes on below.
        gap: cells between two columns, from 1 to 3.
    """
    parts = [part(name, [row[index] for row in found]) for index, name in enumerate(columns)]
    widths = layout.fit([one.size for one in parts], width, gap)
    if widths is None:
        return None
    signs = glyphs.current()
    left, right = max(gap - 2, 0), int(gap > 1)
    shown = rich.table.Table(box=signs.box, pad_edge=False, safe_box=False, padding=(0, right, 0, left))
    for one, cells_wide in zip(parts, widths, strict=True):
        header = rich.text.Text(layout.cut(one.name, cells_wide, signs.ellipsis))
        justify = "right" if one.right else "left"
        shown.add_column(header, justify=justify, overflow="fold", width=cells_wide)  # type: ignore[arg-type]
    for row in zip(*(one.cells for one in parts), strict=True):
        kept = zip(row, widths, strict=True)
        texts = [layout.cut(cell, wide, signs.ellipsis) if cuts else cell for cell, wide in kept]
        shown.add_row(*map(rich.text.Text, texts))
    return shown


def part(name: str, values: Sequence[object]) -> Part:
    """Return a column: one of numbers stands to the right, and none of numbers or times is ever cut."""
    known = [value for value in values if value is not None]
    shown = [cells.shown(value) for value in values]
    title = printable.line(name)
    whole = all(isinstance(value, int | float | dt.date | Uncut) for value in known)
    return Part(
        title,
        shown,
        layout.column(max(map(rich.cells.cell_len, (title, *shown))), whole=whole and bool(known)),
        right=bool(known) and all(isinstance(value, int | float) for value in known),
    )
