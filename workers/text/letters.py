r"""The characters that count as letters, the same under every Python.

Each Python brings its own edition of Unicode (14 in 3.11, 17 in 3.15). The rows of a report must not depend
on the Python of the worker. So no pattern asks Python what a ``\w`` is, all names are read by the same
edition, and no text that is stored is put into lower case beyond ASCII.
"""

from __future__ import annotations

import unicodedata
from typing import Final

ALPHANUMERIC: Final = (
    "0-9A-Za-z\xaa\xb2\xb3\xb5\xb9\xba\xbc-\xbe\xc0-\xd6\xd8-\xf6\xf8-\u1fff\u2070-\u218f\u2460-\u24ff\u2776-\u2793"
    "\u2c00-\u2dff\u2e2f\u3005-\u3007\u3021-\u3029\u3031-\ud7ff\uf900-\ufdff\ufe70-\ufefe"
    "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc"
    "\U00010000-\U0001cfff\U0001d2c0-\U0001d7ff\U0001df00-\U0001efff\U0001f100-\U0001f10c\U0001fbf0-\U0001fbf9"
    "\U00020000-\U0003ffff"
)
"""Letters and digits of any script, as the inside of a class of a regular expression.

These are whole blocks with their marks and their unassigned characters, as in NameChar of XML 1.0.
"""
WORD: Final = f"{ALPHANUMERIC}_"
"""Characters of words, as the inside of a class likewise."""

_LATER: Final = {
    code: letter
    for first, letters in (
        (0x1D2C, "A B DE GHIJKLMN O PRTUWa   bde   g km o   ptu  v"),
        (0x1D62, "iruv"),
        (0x1D9C, "c   f"),
        (0x1DBB, "z"),
        (0x2090, "aeox hklmnpst"),
        (0x2C7C, "jV"),
        (0xA7F1, "SCFQ"),
        (0x107A5, "q"),
        (0x1CCD6, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
        (0x1D4C1, "l"),
        (0x1F110, "ABCDEFGHIJKLMNOPQRSTUVWXYZSCR   ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (0x1FBF0, "0123456789"),
    )
    for code, letter in enumerate(letters, first)
    if letter != " "
}
"""Letters and digits that Unicode 4 to 17 define as forms of letters and digits of ASCII."""


def lower(text: str) -> str:
    """Return the text with the letters of ASCII in lower case; other letters stay as they are."""
    return text.lower() if text.isascii() else text.encode().lower().decode()


def compatible(text: str) -> str:
    """Return the text with forms of ASCII letters and digits replaced by these, and with accents decomposed.

    This is NFKD of Unicode 3.2, which Python keeps for domain names (RFC 3491), with the forms that came
    later.
    """
    return unicodedata.ucd_3_2_0.normalize("NFKD", text.translate(_LATER))
