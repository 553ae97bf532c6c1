"""Cleans text that strangers wrote: no control characters, bounded length."""

from __future__ import annotations

import re
from typing import Final

from workers.text import letters

_BLANKS: Final = re.compile("[\t\n\r]+")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+")


_LONGEST_WORD: Final = 64
_PART: Final = re.compile(rf"(?<![{letters.WORD}.@%+-])[{letters.WORD}.@%+-]{{1,{_LONGEST_WORD}}}\Z")


def cut(value: str, limit: int) -> str:
    """Return at most ``limit`` characters, without a word that would be cut in two.

    Half a secret can no longer be recognised by its form. A word of more than 64 characters is cut
    nevertheless, and so is a text of one word.
    """
    if len(value) <= limit:
        return value
    part = _PART.search(value[: limit + 1], max(limit - _LONGEST_WORD, 0))
    return value[: part.start()] if part and part.start() else value[:limit]


def clean(value: str, limit: int) -> str:
    """Return one line of at most ``limit`` characters, without C0 and C1 controls; tabs become spaces too."""
    value = cut(value, limit)
    if not value.isprintable():  # the cheap answer for nearly all text
        value = _CONTROLS.sub("", _BLANKS.sub(" ", value))
    return value.strip()
