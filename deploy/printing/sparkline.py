"""A line of bars, one for each day or minute, that tells none from unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.printing import glyphs

if TYPE_CHECKING:
    from collections.abc import Sequence


def draw(numbers: Sequence[int | None], signs: glyphs.Glyphs | None = None) -> str:
    """Return one sign for each number.

    The highest bar is the greatest number, the others are in proportion. However small a number is, its bar
    is higher than that of 0. None, of which nothing is known, is no bar at all.
    """
    signs = signs or glyphs.current()
    most = max((number for number in numbers if number), default=0)
    return "".join(_sign(number, most, signs) for number in numbers)


def _sign(number: int | None, most: int, signs: glyphs.Glyphs) -> str:
    if number is None:
        return signs.unknown
    if number <= 0:
        return signs.zero
    return signs.levels[-(-number * len(signs.levels) // most) - 1]
