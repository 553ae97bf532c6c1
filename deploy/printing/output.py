"""Prints the results of commands: tables for people, JSON for programs, one sentence on failure."""

from __future__ import annotations

import datetime as dt
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec
import rich.box
import rich.cells
import rich.console
import rich.progress
import rich.table
import rich.text

from deploy.printing import glyphs, layout, printable, spreadsheet
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
_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 64) - 1
"""Integers beyond these two have no number in JSON that others read as it was written."""
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
    encoded = msgspec.json.encode(_plain(value), enc_hook=str)
    text = msgspec.json.format(encoded, indent=2).decode()
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


def comma_separated(columns: Sequence[str], found: Iterable[Sequence[object]]) -> None:
    """Print a line with the names, then the rows, as CSV (RFC 4180) without anything that is a formula."""
    for line in spreadsheet.lines(columns, ([_csv(value) for value in row] for row in found)):
        sys.stdout.write(line)


def tab_separated(columns: Sequence[str], found: Sequence[Sequence[object]]) -> None:
    """Print rows in ClickHouse's format ``TabSeparatedWithNames``, with unprintable characters escaped."""
    sys.stdout.write("\t".join(map(_tsv, columns)) + "\n")
    for start in range(0, len(found), _TSV_ROWS):
        part = found[start : start + _TSV_ROWS]
        sys.stdout.write("".join("\t".join(map(_tsv, row)) + "\n" for row in part))


def fitted(
    columns: Sequence[str], found: Sequence[Sequence[object]], *, cuts: bool = True
) -> rich.table.Table | None:
    """Return rows as a table that fits the terminal, or None where none does.

    Args:
        columns: the names.
        found: the rows.
        cuts: whether a long cell is cut; else it goes on below.
    """
    cells = [[_shown(value) for value in row] for row in found]
    whole = [all(_stays_whole(row[index]) for row in found) for index in range(len(columns))]
    names = [printable.line(name) for name in columns]
    natural = [
        layout.column(
            max(map(rich.cells.cell_len, (name, *(row[index] for row in cells)))), whole=whole[index]
        )
        for index, name in enumerate(names)
    ]
    widths = layout.fit(natural, console.width)
    if widths is None:
        return None
    signs = glyphs.current()
    shown = rich.table.Table(box=signs.box, pad_edge=False, safe_box=False)
    for index, (name, width) in enumerate(zip(names, widths, strict=True)):
        right = any(row[index] is not None for row in found) and all(
            isinstance(row[index], int | float | None) for row in found
        )
        header = rich.text.Text(layout.cut(name, width, signs.ellipsis))
        shown.add_column(header, justify="right" if right else "left", overflow="fold", width=width)
    for row in cells:
        kept = (
            layout.cut(cell, width, signs.ellipsis) if cuts else cell
            for cell, width in zip(row, widths, strict=True)
        )
        shown.add_row(*map(rich.text.Text, kept))
    return shown


def _table(columns: Sequence[str], found: Sequence[Sequence[object]], *, cuts: bool) -> None:
    shown = fitted(columns, found, cuts=cuts)
    if shown is None:
        _records(columns, found)
    else:
        console.print(shown)


def _stays_whole(value: object) -> bool:
    """Return whether a cut cell would tell something else: a shorter number, or another time."""
    return value is None or isinstance(value, int | float | dt.date)


def _records(columns: Sequence[str], found: Iterable[Sequence[object]]) -> None:
    names = [printable.line(name) for name in columns]
    width = max(map(rich.cells.cell_len, names))
    for number, row in enumerate(found, 1):
        console.print(f"row {number}", style="bold")
        for name, value in zip(names, row, strict=True):
            line = f"{rich.cells.set_cell_size(name, width)}  {_shown(value)}"
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


def _shown(value: object) -> str:
    return printable.line(_cell(value))


def _tsv(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else _cell(value)
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
        value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else _cell(value)
    )


def _json_escaped(match: re.Match[str]) -> str:
    char = match[0]
    if not characters.holds_hidden(char):
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, dt.datetime) and value.utcoffset() in {None, dt.timedelta()}:
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds").removesuffix(".000")
    plain = _plain(value)
    if isinstance(plain, dict | list):
        return msgspec.json.encode(plain, enc_hook=str).decode()
    return str(plain)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON is any shape
    """Return the value as JSON can hold it: longer integers than 64 bits as text, bytes as UTF-8."""
    if isinstance(value, int):
        return value if _LEAST <= value <= _MOST else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return value
