"""Cleaning of text that strangers wrote: no control characters, bounded length."""

from __future__ import annotations

import re
from typing import Final

_BLANKS: Final = re.compile("[\t\n\r]+")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+")


def clean(value: str, limit: int) -> str:
    """Return one line of at most ``limit`` characters, without C0 and C1 controls; tabs become spaces too."""
    value = value[:limit]
    if not value.isprintable():  # the cheap answer for nearly all text
        value = _CONTROLS.sub("", _BLANKS.sub(" ", value))
    return value.strip()
