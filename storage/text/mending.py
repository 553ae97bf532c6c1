"""Mends broken text, so that JSON can be read whose text is no text: what is none becomes U+FFFD.

Real browsers send bytes that are no UTF-8, and code that was cut in the middle of a character or an escape.
"""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

REPLACEMENT: Final = "\ufffd".encode()
"""U+FFFD in UTF-8: it stands for what is no text, once for each maximal invalid part (Unicode §3.9)."""

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # stands before UTF-16-LE, whose mark is its prefix
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED: Final = (
    (re.compile(rb"[{\[\"\s]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[{\[\"\s]"), "utf-32-be"),
    (re.compile(rb"[{\[\"\s]\0[^\0]\0"), "utf-16-le"),
    (re.compile(rb"\0[{\[\"\s]\0[^\0]"), "utf-16-be"),
)
"""How JSON begins in these encodings (RFC 4627 §3)."""
_UNIT: Final = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}
_ENDS: Final = "\ufffd\ufeff \t\r\n"

_CONTROL: Final = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")
"""No line break and no tab: several documents, or a table, look like that. And no NUL, which is no text."""
_ESCAPED_BACKSLASH: Final = b"\0\0"
"""This stands for an escaped backslash while escapes are looked for: each backslash that is left then begins
an escape. JSON holds no other NUL."""
_HEX: Final = rb"[0-9a-fA-F]"
_BYTE_ESCAPE: Final = re.compile(rb"\\x(%b{2})" % _HEX)
_BROKEN_ESCAPE: Final = re.compile(rb"\\(?![\"/bfnrt]|u%b{4})(?:u%b{0,3})?" % (_HEX, _HEX))
_LONE_SURROGATE: Final = re.compile(
    rb"""\\u[dD](?:
        [89abAB][0-9a-fA-F][0-9a-fA-F] (?! \\u[dD][c-fC-F] )  # a high one that no low one follows
      | (?<! \\u[dD][89abAB]..\\u[dD] ) [c-fC-F][0-9a-fA-F][0-9a-fA-F]  # a low one that follows no high one
    )""",
    re.VERBOSE | re.DOTALL,
)
_MOST: Final = 10_000
"""Raw controls, and escapes that are none, of a body: what has more is no text, and would take long."""
_CUT_END: Final = re.compile(rb'\\"(?=\s{0,64}(?:,\s{0,64}"|[}\]]))')
_MOST_CUT_ENDS: Final = 8


class Mended(NamedTuple):
    """Text that was mended.

    Attributes:
        text: in UTF-8, without a byte-order mark.
        replaced: whether U+FFFD stands for something in it.
    """

    text: bytes
    replaced: bool


def mend(body: bytes, charset: str = "") -> Mended:
    """Return the body as UTF-8 without raw controls, in which each escape is one of JSON.

    Nothing else is made JSON.

    Args:
        body: bytes in UTF-8, in UTF-16 or UTF-32, or in the character set that is declared.
        charset: what its ``Content-Type`` declares, see ``charsets.codec_of``. It counts if the body is in
            none of the others.
    """
    text, replaced = utf8(body, charset)
    text, controls = _CONTROL.subn(REPLACEMENT, text, _MOST)
    replaced = replaced or controls > 0
    if b"\\" not in text or b"\0" in text:
        return Mended(text, replaced)
    text, broken = _with_sound_escapes(text)
    return Mended(text, replaced or broken)


def utf8(body: bytes, charset: str = "") -> Mended:
    """Return the body as UTF-8; a part at its beginning or end that is no text is left out."""
    encoding = _encoding(body)
    unit = _UNIT.get(encoding, 1)
    body = body[: len(body) // unit * unit]
    try:
        return Mended(body.decode(encoding).removeprefix("\ufeff").encode(), replaced=False)
    except UnicodeDecodeError:
        encoding = charset if charset and encoding == "utf-8" else encoding
    text = body.decode(encoding, "replace").strip(_ENDS)
    return Mended(text.encode(), "\ufffd" in text)


def cut_ends(text: bytes) -> list[bytes]:
    """Return the ways to read a text as JSON if one of its samples was cut after a backslash.

    The backslash makes the quotation mark that ends the sample a part of it.
    """
    found = list(_CUT_END.finditer(text))[:_MOST_CUT_ENDS]
    return [text[: match.start()] + REPLACEMENT + text[match.start() + 1 :] for match in found]


def _encoding(body: bytes) -> str:
    """Return the encoding that the first bytes tell, by default UTF-8."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return encoding
    return next((encoding for begin, encoding in _UNMARKED if begin.match(body)), "utf-8")


def _with_sound_escapes(text: bytes) -> tuple[bytes, bool]:
    """Return the text with U+FFFD for each broken escape, and whether there was one."""
    marked = text.replace(b"\\\\", _ESCAPED_BACKSLASH).replace(b"\\'", b"'")  # of JavaScript, like \x27
    marked = _BYTE_ESCAPE.sub(rb"\\u00\1", marked, _MOST)
    marked, broken = _BROKEN_ESCAPE.subn(REPLACEMENT, marked, _MOST)
    marked, lone = _LONE_SURROGATE.subn(REPLACEMENT, marked)
    return marked.replace(_ESCAPED_BACKSLASH, b"\\\\"), bool(broken or lone)
