"""Prints the results of commands: tables for people, JSON for programs, one sentence on failure."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

import msgspec
import rich.cells
import rich.console
import rich.progress
import rich.text

from deploy.printing import cells, printable, spreadsheet, tables
from storage.text import characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

console = rich.console.Console(highlight=False)
_errors = rich.console.Console(stderr=True, highlight=False)

_CONTROLS: Final = re.compile(r"[^\n -~]")
"""Every character that may control a terminal is among these."""
_TSV_ESCAPES: Final = {
    "\\": "\\\\",
    "\t": "\\t",
    "\n": "\\n",
    "\r": "\\r",
    "\0": "\\0",
    "\b": "\\b",
    "\f": "\\f",
}
_TSV_ROWS: Final = 10_000
"""Rows that are written at a time."""


def complain(sentence: str) -> None:
    """Say on stderr why the command failed."""
    # Sentences often end with another program's, which has a full stop of its own or none.
    ended = sentence.rstrip(". ")
    mark = "" if ended.endswith(("?", "!")) else "."
    _errors.print(rich.text.Text(printable.line(f"headrace: {ended}{mark}")), soft_wrap=True)


def tell(sentence: str) -> None:
    """Print a sentence for a person on stderr, so that programs can read stdout."""
    _errors.print(rich.text.Text(printable.line(sentence)), soft_wrap=True)


def json(value: object) -> None:
    """Print a value as JSON."""
    encoded = msgspec.json.encode(cells.plain(value), enc_hook=str)
    text = msgspec.json.format(encoded, indent=2).decode()
    sys.stdout.write(_CONTROLS.sub(_json_escaped, text) + "\n")


def json_line(value: object) -> None:
    """Print a value as JSON on one line."""
    text = msgspec.json.encode(cells.plain(value), enc_hook=str).decode()
    sys.stdout.write(_CONTROLS.sub(_json_escaped, text) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as a table; numbers stand to the right, and long cells go on below."""
    _table(columns, list(rows), cuts=False)


def rows(columns: Sequence[str], found: Sequence[Sequence[object]]) -> None:
    """Print the rows that a query found.

    On a terminal it is a table whose long cells are cut, or a line for each field where even that is wider
    than the terminal; a single column is never cut. Elsewhere, it is tab-separated values as ClickHouse reads
    them, after a line with the names.
    """
    if console.is_terminal:
        _table(columns, found, cuts=len(columns) > 1)
    else:
        tab_separated(columns, found)


def comma_separated(columns: Sequence[str] | None, found: Iterable[Sequence[object]]) -> None:
    """Print a line with the names, if any, then the rows, as CSV (RFC 4180) in which nothing is a formula."""
    for line in spreadsheet.lines(columns, ([_csv(value) for value in row] for row in found)):
        sys.stdout.write(line)


def tab_separated(columns: Sequence[str], found: Sequence[Sequence[object]]) -> None:
    """Print rows in ClickHouse's format ``TabSeparatedWithNames``, with unprintable characters escaped."""
    sys.stdout.write("\t".join(map(_tsv, columns)) + "\n")
    for start in range(0, len(found), _TSV_ROWS):
        part = found[start : start + _TSV_ROWS]
        sys.stdout.write("".join("\t".join(map(_tsv, row)) + "\n" for row in part))


def _table(columns: Sequence[str], found: Sequence[Sequence[object]], *, cuts: bool) -> None:
    shown = tables.fitted(columns, found, console.width, cuts=cuts)
    if shown is None:
        _records(columns, found)
    else:
        console.print(shown)


def _records(columns: Sequence[str], found: Iterable[Sequence[object]]) -> None:
    names = [printable.line(name) for name in columns]
    width = max(map(rich.cells.cell_len, names))
    for number, row in enumerate(found, 1):
        console.print(f"row {number}", style="bold")
        for name, value in zip(names, row, strict=True):
            line = f"{rich.cells.set_cell_size(name, width)}  {cells.shown(value)}"
            console.print(rich.text.Text(line), soft_wrap=True)
        console.print()


def progress(description: str) -> rich.progress.Progress:
    """Return a progress bar on stderr, for a terminal only."""
    return rich.progress.Progress(
        rich.progress.TextColumn(description),
        rich.progress.BarColumn(),
        rich.progress.TaskProgressColumn(),
        rich.progress.TimeRemainingColumn(),
        console=_errors,
        transient=True,
        disable=not _errors.is_terminal,
    )


def copyable(text: str) -> None:
    """Print text that is to be copied: never wrapped, never marked up."""
    escaped = "\n".join(map(printable.line, text.split("\n")))
    console.print(rich.text.Text(escaped), soft_wrap=True)


def _tsv(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else cells.text(value)
    if "\\" not in text and not characters.holds_hidden(text):
        return text
    return "".join(map(_tsv_escaped, text))


def _tsv_escaped(char: str) -> str:
    if char != "\\" and not characters.holds_hidden(char):
        return char
    known = _TSV_ESCAPES.get(char)
    return known or "".join(f"\\x{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _csv(value: object) -> object:
    """Return a cell of CSV: a number, or text."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return (
        value
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else cells.text(value)
    )


def _json_escaped(match: re.Match[str]) -> str:
    char = match[0]
    if not characters.holds_hidden(char):
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
