"""Signs that a terminal can show: those of Unicode, or their stand-ins where the locale knows ASCII only."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

import rich.box

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN: Final = frozenset({"C", "POSIX"})
_COERCED: Final = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
"""Python itself puts one of these into ``LC_CTYPE`` where the locale is C (PEP 538)."""


class Glyphs(NamedTuple):
    """The signs of one kind of terminal.

    Args:
        ellipsis: stands for what was cut off.
        unknown: a time of which nothing is known.
        zero: a time in which something is known not to have been.
        levels: from little to much.
        box: the rule below the names of columns.
        safe: whether texts may hold only ASCII.
    """

    ellipsis: str
    unknown: str
    zero: str
    levels: str
    box: rich.box.Box
    safe: bool


UNICODE: Final = Glyphs("…", "·", "▁", "▂▃▄▅▆▇█", rich.box.SIMPLE_HEAD, safe=False)
ASCII: Final = Glyphs(
    "...",
    "?",
    "_",
    ".:-=+*#",
    rich.box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True),
    safe=True,
)


def current() -> Glyphs:
    """Return the signs for the standard output of this process."""
    return choose(os.environ, getattr(sys.stdout, "encoding", None) or "utf-8")


def choose(environment: Mapping[str, str], encoding: str) -> Glyphs:
    """Return the signs for a locale.

    Without any locale Python writes UTF-8, and so do the terminals of today. Only one that is named C or
    POSIX, or has another character set, is taken at its word.

    Args:
        environment: the variables ``LC_ALL``, ``LC_CTYPE`` and ``LANG``, as POSIX ranks them.
        encoding: the encoding of the output.
    """
    named = [environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if named[1] in _COERCED and named[2] in _PLAIN:
        named[1] = ""
    locale = next(filter(None, named), "")
    charset = locale.partition("@")[0].partition(".")[2] or encoding
    if locale in _PLAIN or not charset.upper().replace("-", "").startswith("UTF"):
        return ASCII
    return UNICODE
