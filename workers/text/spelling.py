r"""Spellings of one character by others: ``\/``, ``\u002F``, ``\x2f``, ``%2F``, ``%252F``, ``&#x2F;``.

URLs in code or in forms are seldom spelled plainly. Patterns are therefore searched in the plain spelling of
a text.
"""

from __future__ import annotations

import re
from typing import Final

_ROUNDS: Final = 4
"""How often spellings are replaced: ``%5Cu002f`` takes two rounds. Each round makes the text shorter."""

_HEX: Final = r"2[13-689A-F]|3[0-9ABDF]|[45][0-9A-F]|6[1-9A-F]|7[0-9A-E]"
"""Printable ASCII without blanks, quotes and angle brackets, which do not end a URL in such a spelling."""
_DECIMAL: Final = r"3[35-8]|4[0-9]|5[0-9]|6[13-9]|[789][0-9]|1[01][0-9]|12[0-6]"
_ENTITIES: Final = {
    "sol": "/",
    "bsol": "\\",
    "colon": ":",
    "quest": "?",
    "num": "#",
    "commat": "@",
    "equals": "=",
    "period": ".",
    "amp": "&",
    "percnt": "%",
    "lowbar": "_",
    "plus": "+",
}
_OCTAL: Final = {"57": "/", "72": ":", "77": "?", "43": "#", "100": "@", "75": "=", "46": "&"}
_SPELLING: Final = re.compile(
    rf"(?:(?<!\\)\\++(?:u(?:0000)?00|x)|%u00|%(?:25)*+)({_HEX})"
    rf"|(?<!\\)\\++[ux]\{{0{{0,6}}({_HEX})\}}"
    rf"|&(?:amp;)*+\#x0{{0,6}}({_HEX});?"
    rf"|&(?:amp;)*+\#0{{0,6}}({_DECIMAL})(?![0-9]);?"
    rf"|&(?:amp;)*+({'|'.join(_ENTITIES)});"
    rf"|(?<!\\)\\++(?:0{{4}}|0{{0,3}}(?=..(?![0-9A-F])))(2F|3[ADF]|40)[ ]?"  # escapes of style sheets
    rf"|(?<!\\)\\++0?({'|'.join(_OCTAL)})(?![0-9])"
    r"|(?<!\\)\\++(/)",
    re.IGNORECASE,
)
_WIDE: Final = {0xFF00 + code - 0x20: code for code in range(0x21, 0x7F) if chr(code) not in "\"'<>`"}
"""The fullwidth forms of ASCII (Unicode, U+FF01 to U+FF5E)."""


def is_plain(text: str) -> bool:
    """Return quickly whether a text certainly holds no character in another spelling."""
    return "%" not in text and "\\" not in text and "&" not in text and text.isascii()


def plain(text: str) -> str:
    """Return the text in its plain spelling, as far as it can matter to a URL; never longer than it was."""
    if not text.isascii():
        text = text.translate(_WIDE)
    for _ in range(_ROUNDS):
        read = _SPELLING.sub(_character, text)
        if read == text:
            break
        text = read
    return text


def _character(found: re.Match[str]) -> str:
    code, braced, entity, decimal, name, style, octal, slash = found.groups()
    if digits := code or braced or entity or style:
        return chr(int(digits, 16))
    if decimal:
        return chr(int(decimal))
    return slash or (_ENTITIES[name.lower()] if name else _OCTAL[octal])
