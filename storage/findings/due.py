"""Months whose findings are to be counted again: noted before reports change, finished after the count.

Guarantee: a month that was noted stays due until it was counted after the note was made, whatever is killed.

Warning: a batch that notes a month must do so while its bounds are stored: a rebuild waits for them.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from storage.servers import sql
from storage.tables import writer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Month(NamedTuple):
    """A month whose findings are to be counted again.

    Attributes:
        project_id: whose findings.
        month: year and month, as ``toYYYYMM()`` tells it.
        numbers: the notes that ask for it.
    """

    project_id: int
    month: int
    numbers: tuple[int, ...]


def month_of(moment_ms: int) -> int:
    """Return the month of a time (ms since the epoch), as ``toYYYYMM()`` tells it."""
    found = _EPOCH + dt.timedelta(milliseconds=moment_ms)
    return found.year * 100 + found.month


def note(server: clickhouse.Connection, project_id: int, months: Iterable[int]) -> int:
    """Note that the findings of some months are to be counted again, and return the number of the note.

    Raises:
        ClickHouseUnavailableError: try again later.
    """
    number = secrets.randbits(63)
    _record(server, [(project_id, month, number, 0) for month in sorted(set(months))])
    return number


def months(server: clickhouse.Connection) -> list[Month]:
    """Return all months that are due; most calls find none."""
    return [
        Month(project_id, month, tuple(numbers))
        for project_id, month, numbers in server.execute(_SQL["open"])
    ]


def take_over(server: clickhouse.Connection, month: Month) -> Month:
    """Put a note of one's own in the place of the notes of a month: who made those finds them finished."""
    number = secrets.randbits(63)
    notes = [(month.project_id, month.month, old, 1) for old in month.numbers]
    _record(server, [*notes, (month.project_id, month.month, number, 0)])
    return month._replace(numbers=(number,))


def finish(server: clickhouse.Connection, month: Month) -> None:
    """Note that a month was counted again, since its notes were made."""
    _record(server, [(month.project_id, month.month, number, 1) for number in month.numbers])


def _record(server: clickhouse.Connection, notes: list[tuple[int, int, int, int]]) -> None:
    columns: dict[str, list[Any]] = {
        name: [note[place] for note in notes]
        for place, name in enumerate(("project_id", "month", "number", "finished"))
    }
    if notes:
        columns["changed_at"] = [int(time.time() * 1000)] * len(notes)
        writer.insert(server, "finding_rebuilds", columns, f"rebuild:{secrets.token_hex(16)}")
