"""What commands print: tables for people, JSON for programs, one sentence on failure."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import rich.box
import rich.console
import rich.progress
import rich.table
import rich.text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

console = rich.console.Console(highlight=False)
_errors = rich.console.Console(stderr=True, highlight=False)


def complain(sentence: str) -> None:
    """Say on stderr why the command failed."""
    # Sentences often end with another program's, which has a full stop of its own or none.
    ended = sentence.rstrip(". ")
    mark = "" if ended.endswith(("?", "!")) else "."
    _errors.print(rich.text.Text(f"headrace: {ended}{mark}"), soft_wrap=True)


def json(value: object) -> None:
    """Print a value as JSON."""
    encoded = msgspec.json.encode(_plain(value), enc_hook=str)
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as a table; numbers stand to the right."""
    shown = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    kept = [list(row) for row in rows]
    for index, name in enumerate(columns):
        numeric = bool(kept) and all(isinstance(row[index], int | float) for row in kept)
        shown.add_column(rich.text.Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in kept:
        shown.add_row(*(rich.text.Text(_cell(value)) for value in row))
    console.print(shown)


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
    console.print(rich.text.Text(text), soft_wrap=True)


def _cell(value: object) -> str:
    if isinstance(value, dt.datetime) and value.utcoffset() in {None, dt.timedelta()}:
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds").removesuffix(".000")
    plain = _plain(value)
    if isinstance(plain, dict | list):
        return msgspec.json.encode(plain, enc_hook=str).decode()
    return str(plain)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON is any shape
    """Return the value as JSON can hold it: text that is not UTF-8 loses what cannot be shown."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return value
