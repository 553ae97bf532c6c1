"""Samples of inline code as a fingerprint takes them: the code without the data in it.

A browser sends the first 40 characters, whatever they are. If a page writes a visitor's name or number into
its code, what follows moves within these 40 characters, or out of them. So a sample ends before the first
text in it that is a value, and each number counts as ten characters: samples of the same code are equal.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from workers.stages import folding

_SENT: Final = 40
"""Characters of a sample that all browsers send (CSP3 §2.4)."""
_NUMBER: Final = re.compile(r"(?<![\w$.])\d[\d.]*", re.ASCII)
_LENGTH_OF_NUMBER: Final = 10
_MENDED: Final = re.compile("\ufffd+")
"""Text that was broken: how many bytes of it there were says nothing."""
_BLANKS: Final = re.compile(r"\s+")
_MARK: Final = re.compile(r"[\[\](){}\"'`]")
_PLACEHOLDER: Final = re.compile(r"\{(?:mail|card|jwt|token|hex|uuid)\}")
_UNQUOTED_URL: Final = re.compile(r"\burl\(\s*(?=[^\s\"')])", re.IGNORECASE)
_NAMING: Final = re.compile(
    r"(?:\$|\b(?:jQuery|getElementById|getElementsBy\w+|querySelector(?:All)?|closest|createElement(?:NS)?"
    r"|addEventListener|removeEventListener|attachEvent|on|off|require|import|define|ga|gtag|fbq))\s*\(\Z",
    re.ASCII,
)
"""The beginning of a call whose first argument names a part of the page or of a program."""
_WORD_BEFORE: Final = re.compile(r"(?<![\w$])(?:return|case|typeof|else|in|of|throw|new)\Z", re.ASCII)
_DIRECTIVE: Final = "use "
"""The beginning of ``"use strict"``."""


@functools.lru_cache(maxsize=4096)
def folded(sample: str) -> str:
    """Return the sample without the data in it."""
    line = (
        _MENDED.sub("\ufffd", _BLANKS.sub(" ", sample)).removesuffix("...").removesuffix("…")[:_SENT]
    )  # the dots are Firefox's
    end = _start_of_value(line)
    code = line if end is None else f"{line[:end]}*"
    return folding.code(_within_length(code)).strip()


def _start_of_value(line: str) -> int | None:
    """Return where the first value begins that is a text; None if there is none."""
    starts = [found.end() for found in _UNQUOTED_URL.finditer(line)]
    starts += [found.start() for found in _PLACEHOLDER.finditer(line)]
    if (quoted := _start_of_quoted(line)) is not None:
        starts.append(quoted)
    return min(starts, default=None)


def _start_of_quoted(line: str) -> int | None:
    brackets: list[str] = []
    at = 0
    while (mark := _MARK.search(line, at)) is not None:
        at, char = mark.end(), mark[0]
        if char in "[({":
            brackets.append(char)
        elif char in "])}":
            del brackets[-1:]
        elif not _is_apostrophe(line[: mark.start()], char):
            if _is_value(line[: mark.start()].rstrip(), line[at:], char, "".join(brackets[-1:])):
                return mark.start()
            at = _end_of_quoted(line, at, char)
    return None


def _is_apostrophe(before: str, char: str) -> bool:
    """Return whether a quote stands within words, as in a comment: it begins no text."""
    return char != "`" and before[-1:].isalnum() and not _WORD_BEFORE.search(before)


def _is_value(before: str, after: str, quote: str, bracket: str) -> bool:
    """Return whether a quoted text is data: it is neither a key nor the name of something in the code."""
    last = before[-1:]
    if quote == "`":
        return True
    if last == "{" or (last == "," and bracket == "{"):
        return False
    if last == "[":  # an index, unless a list begins here
        return not (before[-2:-1].isalnum() or before[-2:-1] in ("_", "$", ")", "]"))
    if last in ("", ";", "}"):
        return not after.startswith(_DIRECTIVE)
    return not _NAMING.search(before)


def _end_of_quoted(line: str, at: int, quote: str) -> int:
    end = line.find(quote, at)
    return end + 1 if end >= 0 else len(line)


def _within_length(code: str) -> str:
    """Return as much of the code as a browser would send if each number had ten digits."""
    end = _SENT
    for number in _NUMBER.finditer(code):
        if number.start() >= end:
            break
        end -= max(_LENGTH_OF_NUMBER - len(number[0]), 0)
        if number.end() >= end:
            return code[: number.end()]
    return code[:end]
