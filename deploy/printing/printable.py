"""Text and bytes of strangers, escaped: they must not control the terminal."""

from __future__ import annotations

import base64 as encoding
from typing import Final

from storage.text import characters

HEX_WIDTH: Final = 32
"""Bytes on each line."""


def line(value: str) -> str:
    """Return a text on one line, with everything that is not printable escaped."""
    return "".join(_escaped(char) if characters.holds_hidden(char) else char for char in value)


def text(raw: bytes) -> str | None:
    """Return bytes as text, with unprintable characters but line feeds escaped; None if it is not UTF-8."""
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        return None
    return "\n".join(line(part) for part in decoded.split("\n"))


def content(raw: bytes) -> str:
    """Return bytes as text, or in hexadecimal if they are not UTF-8."""
    shown = text(raw)
    if shown is not None:
        return shown
    rows = (raw[start : start + HEX_WIDTH] for start in range(0, len(raw), HEX_WIDTH))
    return "\n".join(row.hex(" ") for row in rows)


def base64(raw: bytes) -> str:
    """Return bytes in base64."""
    return encoding.b64encode(raw).decode()


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
