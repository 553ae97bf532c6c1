"""The rows of the quarantine: payloads that could not be understood, read and taken out.

A row is named by its receipt and its number within it. Rows of older releases have no number: they are told
apart by their bytes, as far as these differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from storage.quarantine import departures
from storage.queue import appends, reach
from storage.servers import sql

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__, generation=appends.GENERATION)

KEPT_DAYS: Final = 14
_PAGE: Final = 200
"""Rows read at a time: 200 MB, should each be as large as a body may be."""
_FOREVER_MS: Final = 1 << 43
_DAY_MS: Final = 86_400_000


class Name(NamedTuple):
    """The name of a row; ``digest`` is the hash of its bytes, 0 if the row has a number."""

    received_ms: int
    receipt: str
    item: int
    digest: int

    @classmethod
    def parse(cls, text: str) -> Name:
        """Return the name that was written as a text."""
        received_ms, receipt, item, digest = text.split(":")
        return cls(int(received_ms), receipt, int(item), int(digest))

    def __str__(self) -> str:
        """Return the name as a text."""
        return ":".join(map(str, self))


class QuarantineRow(NamedTuple):
    """One row of the table; ``digest`` is the hash of ``raw``, ``item`` its number in the receipt, or 0.

    ``slot`` is that of its sender on the day of receipt (``storage.queue.reach``); 0 if unknown.
    """

    received: dt.datetime
    receipt: str
    project_id: int
    environment: str
    release: str
    reason: str
    error: str
    raw: bytes
    digest: int
    item: int = 0
    slot: int = reach.UNKNOWN

    @property
    def name(self) -> Name:
        """The name of the row; rows of older releases that are equal have the same one."""
        received_ms = round(self.received.timestamp() * 1000)
        return Name(received_ms, self.receipt, self.item, 0 if self.item else self.digest)


class StreamHead(NamedTuple):
    """The oldest entry of a stream that is not committed: rows of earlier entries do not come back."""

    stream: int
    ms: int
    seq: int


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """A selection of rows of the quarantine: those that meet all of these conditions.

    Attributes:
        receipt: the receipt; empty for any.
        project_id: the project; -1 for any.
        reason: the reason; empty for any.
        before_ms: received earlier than this (ms since the epoch).
        heads: rows of these entries, and of later ones in their stream, are not meant; empty for any.
        others_ms: rows of a stream without a head were received earlier than this (ms since the epoch).
    """

    receipt: str = ""
    project_id: int = -1
    reason: str = ""
    before_ms: int = _FOREVER_MS
    heads: tuple[StreamHead, ...] = ()
    others_ms: int = _FOREVER_MS

    @property
    def parameters(self) -> dict[str, object]:
        """The values of the statements above."""
        heads = self.heads or (StreamHead(1 << 32, 0, 0),)
        return {
            "receipt": self.receipt,
            "project_id": self.project_id,
            "reason": self.reason,
            "before_ms": min(self.before_ms, _FOREVER_MS),
            "streams": [head.stream for head in heads],
            "heads_ms": [head.ms for head in heads],
            "heads_seq": [head.seq for head in heads],
            "others_ms": self.others_ms,
        }


class Extent(NamedTuple):
    """How many rows a selection has now, and the same selection without rows that are still to come."""

    rows: int
    selection: Selection


def extent(server: clickhouse.Connection, selection: Selection) -> Extent:
    """Count the rows of a selection."""
    ((rows, newest_ms),) = server.execute(_SQL["extent"], selection.parameters)
    return Extent(rows, msgspec.structs.replace(selection, before_ms=newest_ms + 1))


def newest(server: clickhouse.Connection, selection: Selection, limit: int) -> list[QuarantineRow]:
    """Return at most this many rows, the newest first."""
    rows = server.execute(_SQL["newest"], {**selection.parameters, "limit": limit})
    return [_row(row) for row in rows]


def pages(server: clickhouse.Connection, selection: Selection) -> Iterator[list[QuarantineRow]]:
    """Yield all rows, the oldest first; those of a page may be removed before the next one is asked for.

    Rows with one name are on one page.
    """
    where = {**selection.parameters, "limit": _PAGE}
    after: dict[str, object] = {"after_ms": 0, "after_receipt": "", "after_item": 0, "after_digest": 0}
    while page := [_row(row) for row in server.execute(_SQL["next_page"], {**where, **after})]:
        yield page
        last = page[-1]
        after = {
            "after_ms": last.name.received_ms,
            "after_receipt": last.receipt,
            "after_item": last.item,
            "after_digest": last.digest,
        }


def drop(server: clickhouse.Connection, selection: Selection) -> None:
    """Remove the rows of a selection, and count them; parts without other rows are dropped, without room."""
    departures.take_out(server, departures.DROPPED, _SQL["selected"], selection.parameters)


def expired(now_ms: int, selection: Selection) -> Selection:
    """Return the selection of those rows whose day ended ``KEPT_DAYS`` before a time (ms since the epoch)."""
    before_ms = now_ms // _DAY_MS * _DAY_MS - KEPT_DAYS * _DAY_MS
    return msgspec.structs.replace(selection, before_ms=max(0, min(selection.before_ms, before_ms)))


def drop_expired(server: clickhouse.Connection, selection: Selection) -> None:
    """Remove the rows of a selection because they are old, and count them."""
    departures.take_out(server, departures.EXPIRED, _SQL["selected"], selection.parameters)


def remove(server: clickhouse.Connection, names: Sequence[Name]) -> bool:
    """Remove the rows with these names, and return whether they are gone."""
    if not names:
        return True
    named = {
        "first_ms": min(name.received_ms for name in names),
        "last_ms": max(name.received_ms for name in names),
        "items": [(name.receipt, name.item) for name in names],
        "bytes": [(name.receipt, name.digest) for name in names],
    }
    server.execute(_SQL["remove"], named)
    ((left,),) = server.execute(_SQL["left"], named)
    return int(left) == 0


def _row(row: Sequence[Any]) -> QuarantineRow:
    *others, raw, digest, item, slot = row
    # The driver gives text where the bytes are UTF-8.
    return QuarantineRow._make((*others, raw.encode() if isinstance(raw, str) else raw, digest, item, slot))
