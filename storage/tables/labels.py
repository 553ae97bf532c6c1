"""The labels of stored reports: read day by day with all that they depend on, and changed in place.

A change is a mutation of their columns alone, in the live table and in the archive: the counts of a row and
its place in the table stay as they are, whatever is merged or inserted meanwhile. A row is changed only while
it says the same as when its label was found. So an interrupted change may be made again, and a change does no
harm if it ends later than expected.

Findings tell labels too. So a change goes with a note that the findings of the month are to be counted again
(``storage.findings.due``), and takes no effect once the note is finished.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from storage import errors
from storage.servers import clickhouse, sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


_SQL: Final = sql.beside(__name__)

_POLL_S: Final = 0.2
_PAGE: Final = 100_000
"""Stored rows that are read at a time, about; their texts fit into 100 MB."""
_CHANGES: Final = 20_000
"""Labels that one mutation changes: its text is stored with the table until it is done."""
_TABLES: Final = ("reports_live", "reports_archive")
"""The tables that hold reports; what a move into the archive holds twice is changed twice."""
_MAX_STATEMENT: Final = 16 << 20
_EVER: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_SECRET: Final = {"first": secrets.randbits(63), "second": secrets.randbits(63)}


class UnsettledError(errors.HeadraceError):
    """Labels are still being changed."""


class StoredFinding(NamedTuple):
    """A finding as stored rows tell it, as far as a label may depend on it, and how many reports tell it.

    Attributes:
        key: a hash of all but the title and the number of reports.
        document: the page; "" where no label depends on it.
        policy: hash of the policy; 0 where no label depends on it.
        collapsed: whether its variant was one too many, so that most of its fields are gone.
        details: names of those details that were asked for.
        noise: the class of noise that the rows are labelled with.
        noise_rule: the noise rule that they are labelled with.
        title: the title of one of the rows.
        seen: reports of that day.
    """

    key: int
    kind: str
    directive: str
    blocked: str
    source_file: str
    document_host: str
    document: str
    sample: str
    impossible: int
    browser: str
    browser_version: str
    policy: int
    collapsed: int
    details: list[str]
    noise: str
    noise_rule: str
    title: str
    seen: int


class Day(NamedTuple):
    """The rows of one project on one day, UTC.

    ``named`` are the names of those details that labels may depend on.
    """

    project_id: int
    start: dt.datetime
    rows: int
    named: tuple[str, ...] = ()

    @property
    def month(self) -> int:
        """The month of the day, as ``toYYYYMM()`` tells it."""
        return self.start.year * 100 + self.start.month


def settle(server: clickhouse.Connection) -> None:
    """Wait until earlier changes are done, for ``clickhouse.MUTATION_S`` at most.

    Raises:
        UnsettledError: they are not, or fail.
    """
    deadline = time.monotonic() + clickhouse.MUTATION_S
    while True:
        ((pending, failure),) = server.execute(_SQL["pending"], {})
        if not pending:
            return
        if failure or time.monotonic() >= deadline:
            raise UnsettledError(
                f"ClickHouse is not done with an earlier change of labels: {failure or 'it takes too long'}"
            )
        time.sleep(_POLL_S)


def days(
    server: clickhouse.Connection,
    project_id: int,
    since: dt.datetime | None = None,
    named: Sequence[str] = (),
) -> list[Day]:
    """Return the days on which a project has rows, the whole day of ``since`` included."""
    start = (since or _EVER).astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found = server.execute(_SQL["days"], {"project_id": project_id, "since": round(start.timestamp())})
    return [Day(project_id, day, rows, tuple(named)) for day, rows in found]


def stored_findings(server: clickhouse.Connection, day: Day) -> Iterator[list[StoredFinding]]:
    """Yield the findings of a day, in parts that fit into memory; no two findings are alike."""
    parts = 1 + day.rows // _PAGE
    for part in range(parts):
        yield [
            StoredFinding._make(row)
            for row in server.execute(_SQL["findings"], {**_where(day), "parts": parts, "part": part})
        ]


def policies(server: clickhouse.Connection, project_id: int, hashes: set[int]) -> dict[int, str]:
    """Return the texts of policies by their hash."""
    wanted = hashes - {0}
    if not wanted:
        return {}
    found = server.execute(_SQL["policies"], {"project_id": project_id, "hashes": sorted(wanted)})
    return dict(found)


def relabel(
    server: clickhouse.Connection, day: Day, labels: Mapping[int, tuple[str, str]], version: str, note: int
) -> None:
    """Give the rows of a day other labels, and return when ClickHouse is done.

    Args:
        server: a connection that waits for ``clickhouse.MUTATION_S``.
        day: the day of the rows.
        labels: class and rule, by the key of the stored finding.
        version: the version of the rules that give these labels.
        note: the number of the note that the findings of the day's month are to be counted again.
    """
    changes = list(labels.items())
    for start in range(0, len(changes), _CHANGES):
        _mutate(server, day, changes[start : start + _CHANGES], version=version, note=note)


def stamp(server: clickhouse.Connection, day: Day, version: str) -> bool:
    """Note on all rows of a day the version of the rules by which they were labelled last.

    Returns:
        Whether some rows had another version. Of those some may have come in after the labels were found:
        the labels are to be found once more.
    """
    stamped = False
    values = {**_where(day), "version": version}
    for table in _TABLES:
        ((others,),) = server.execute(_SQL["of_other_versions"].format(table=table), values)
        if others:
            server.execute(_SQL["stamp"].format(table=table), values, settings={"mutations_sync": 2})
            stamped = True
    return stamped


def _mutate(
    server: clickhouse.Connection,
    day: Day,
    changes: Sequence[tuple[int, tuple[str, str]]],
    *,
    version: str,
    note: int,
) -> None:
    values = {
        "version": version,
        "note": note,
        "month": day.month,
        "keys": [key for key, _ in changes],
        "classes": [noise for _, (noise, _) in changes],
        "rules": [rule for _, (_, rule) in changes],
    }
    for table in _TABLES:
        if server.execute(_SQL["any_of_day"].format(table=table), _where(day)):
            server.execute(
                _SQL["relabel"].format(table=table),
                {**_where(day), **values},
                settings={"mutations_sync": 2, "max_query_size": _MAX_STATEMENT},
            )


def _where(day: Day) -> dict[str, object]:
    start = round(day.start.replace(tzinfo=dt.UTC).timestamp())
    return {"project_id": day.project_id, "day": start, "named": list(day.named) or [""], **_SECRET}
