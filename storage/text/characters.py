"""Characters that are invisible or change the direction of text: a list of Headrace's own.

Each Python brings its own edition of Unicode, so that what it calls printable differs from one to the next.
"""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\ud800-\uf8ff\ufeff\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff\U000f0000-\U0010ffff]+"
)
"""Controls, formats, blanks but the one of ASCII, surrogates and characters for private use."""


def holds_hidden(text: str) -> bool:
    """Return whether a text holds a character that is hidden."""
    return _HIDDEN.search(text) is not None


def seen(text: str) -> str:
    """Return the text without hidden characters."""
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub("", text)
