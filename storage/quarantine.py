"""The quarantine: reading and removing what could not be understood.

Several rows may have the same receipt, one for each item of the payload; receipt and bytes together tell them
apart.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from storage import clickhouse

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

_PAGE: Final = 200
"""Rows read at a time: 200 MB, should each be as large as a body may be."""
_FOREVER_MS: Final = 1 << 43

_COLUMNS: Final = "received, receipt, project_id, environment, release, reason, error, raw, cityHash64(raw)"
_WHERE: Final = """
    (%(receipt)s = '' OR receipt = %(receipt)s)
    AND (%(project_id)s < 0 OR project_id = %(project_id)s)
    AND (%(reason)s = '' OR reason = %(reason)s)
    AND received < fromUnixTimestamp64Milli(%(before_ms)s, 'UTC')
"""
_EXTENT: Final = f"SELECT count(), toUnixTimestamp64Milli(max(received)) FROM quarantine WHERE {_WHERE}"  # noqa: S608 - constants
_NEWEST: Final = f"""
SELECT {_COLUMNS} FROM quarantine WHERE {_WHERE} ORDER BY received DESC, receipt LIMIT %(limit)s
"""  # noqa: S608 - constants
_NEXT: Final = f"""
SELECT {_COLUMNS} FROM quarantine
WHERE {_WHERE} AND (received, receipt, cityHash64(raw))
    > (fromUnixTimestamp64Milli(%(after_ms)s, 'UTC'), %(after_receipt)s, %(after_digest)s)
ORDER BY received, receipt, cityHash64(raw) LIMIT %(limit)s
"""  # noqa: S608 - constants
_WHOLE: Final = f"SELECT _part FROM quarantine GROUP BY _part HAVING countIf(NOT ({_WHERE})) = 0"  # noqa: S608 - constants
_DROP_PART: Final = "ALTER TABLE quarantine DROP PART %(part)s"
_DROP: Final = f"DELETE FROM quarantine WHERE {_WHERE}"  # noqa: S608 - constants
_REMOVE: Final = "DELETE FROM quarantine WHERE (receipt, cityHash64(raw)) IN %(rows)s"


class Row(NamedTuple):
    """One row of the table; ``digest`` is the hash of ``raw``."""

    received: dt.datetime
    receipt: str
    project_id: int
    environment: str
    release: str
    reason: str
    error: str
    raw: bytes
    digest: int


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are meant: those that have all of this.

    Attributes:
        receipt: the receipt; empty for any.
        project_id: the project; -1 for any.
        reason: the reason; empty for any.
        before_ms: received earlier than this (ms since the epoch).
    """

    receipt: str = ""
    project_id: int = -1
    reason: str = ""
    before_ms: int = _FOREVER_MS


class Extent(NamedTuple):
    """How many rows a selection has now, and the same selection without what is still to come."""

    rows: int
    selection: Selection


def extent(server: clickhouse.Connection, selection: Selection) -> Extent:
    """Count the rows of a selection."""
    ((rows, newest_ms),) = server.execute(_EXTENT, msgspec.structs.asdict(selection))
    return Extent(rows, msgspec.structs.replace(selection, before_ms=newest_ms + 1))


def newest(server: clickhouse.Connection, selection: Selection, limit: int) -> list[Row]:
    """Return at most this many rows, the newest first."""
    rows = server.execute(_NEWEST, {**msgspec.structs.asdict(selection), "limit": limit})
    return [_row(row) for row in rows]


def pages(server: clickhouse.Connection, selection: Selection) -> Iterator[list[Row]]:
    """Yield all rows, the oldest first; those of a page may be removed before the next one is asked for."""
    where = {**msgspec.structs.asdict(selection), "limit": _PAGE}
    after: dict[str, object] = {"after_ms": 0, "after_receipt": "", "after_digest": 0}
    while page := [_row(row) for row in server.execute(_NEXT, {**where, **after})]:
        yield page
        last = page[-1]
        last_ms = round(last.received.timestamp() * 1000)
        after = {"after_ms": last_ms, "after_receipt": last.receipt, "after_digest": last.digest}


def drop(server: clickhouse.Connection, selection: Selection) -> None:
    """Remove the rows of a selection; parts of nothing else go first, at once and without taking room."""
    where = msgspec.structs.asdict(selection)
    for (part,) in server.execute(_WHOLE, where):
        with contextlib.suppress(clickhouse.QueryError):  # it was merged just now
            server.execute(_DROP_PART, {"part": part})
    if extent(server, selection).rows:
        server.execute(_DROP, where)


def remove(server: clickhouse.Connection, rows: Sequence[Row]) -> None:
    """Remove these rows."""
    if rows:
        server.execute(_REMOVE, {"rows": [(row.receipt, row.digest) for row in rows]})


def _row(row: Sequence[Any]) -> Row:
    *others, raw, digest = row
    # The driver gives text where the bytes are UTF-8.
    return Row._make((*others, raw.encode() if isinstance(raw, str) else raw, digest))
