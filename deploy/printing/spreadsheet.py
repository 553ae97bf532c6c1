"""Rows as CSV (RFC 4180) that a spreadsheet opens without calculating anything that strangers wrote."""

from __future__ import annotations

import csv
import io
import itertools
import re
from typing import TYPE_CHECKING, Final

from deploy.printing import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FORMULA: Final = re.compile(
    r"[\s\ufeff\u200b]*[\t\r\n=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]"
)
"""A beginning that makes a program take a cell for a formula: OWASP's list, the same signs in full and small
width, and each of them behind blanks, which some programs cut off."""


def lines(columns: Sequence[str] | None, found: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a line with the names, if any, then one for each row; each ends in CR LF.

    Args:
        columns: the names; None where they were told before.
        found: cells that are texts, numbers, or None for an empty cell.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in itertools.chain([columns] if columns else [], found):
        writer.writerow([_cell(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def neutral(text: str) -> str:
    """Return a text on one line which no spreadsheet takes for a formula.

    An apostrophe before it says so to all of them (https://owasp.org/www-community/attacks/CSV_Injection).
    Characters that would control a terminal, line feeds included, are escaped.
    """
    mark = "'" if _FORMULA.match(text) else ""
    return mark + printable.line(text)


def _cell(value: object) -> object:
    """Return a number as it is: only text can be a formula."""
    return neutral(value) if isinstance(value, str) else value
