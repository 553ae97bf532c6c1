"""Reports as they are stored: each one told once, however rows grow, merge, arrive late or move.

Nothing in a row tells when it was stored. So the sums of all rows are asked for again and again, and a sum
that has grown has new reports. Where there are few rows, they are compared one by one. Where there are many,
only those of the last minutes are; older ones, to which late reports belong, are compared as sums of a
finding and day, and not as often. One query answers for both, and moves the limit between the two, so that no
report is on neither side of it, or on both.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.findings import periods, selection
from storage.servers import clickhouse as driver
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

RECENT_MS: Final = 5 * 60_000
"""Rows that had a report in this time are compared one by one."""
LATE_MS: Final = 9 * periods.DAY_MS
"""Reports are followed that happened no longer ago: no age of more than a week is believed, and no window is
longer than a day."""
SWEEP_MS: Final = 20_000
"""Late reports are looked for at this interval."""
FEW: Final = 20_000
"""So many rows are compared one by one, however old they are."""
_KEYS: Final = 4_000
"""Keys in one query, which may have 256 KiB."""


class NewReports(msgspec.Struct, frozen=True):
    """Reports that were stored since the last look, as the row tells them to which they belong.

    Args:
        seen: how many there are.
        late: whether they belong to some row of that finding and day, of which this is the latest one.
    """

    key: int
    fingerprint: int
    window_start: dt.datetime
    first_seen: dt.datetime
    last_seen: dt.datetime
    environment: str
    release: str
    kind: str
    disposition: str
    title: str
    directive: str
    blocked: str
    blocked_host: str
    document: str
    source_file: str
    line: int
    column: int
    sample: str
    hostname: str
    browser: str
    browser_version: str
    os: str
    noise: str
    noise_rule: str
    impossible: int
    seen: int
    late: bool

    @property
    def id(self) -> str:
        """The id of their finding, as people write it."""
        return f"{self.fingerprint:016x}"


class Sums(msgspec.Struct, frozen=True):
    """The sums of the last look: reports by row, and by finding and day.

    Args:
        limit_ms: rows whose window began then or later are compared one by one.
        floor_ms: older rows are not followed.
        rows: reports of each row, by a hash of its key.
        days: reports of each finding and day before the limit, likewise.
    """

    limit_ms: int
    floor_ms: int
    rows: dict[int, int]
    days: dict[int, int]


class Look(msgspec.Struct, frozen=True):
    """The result of a look: the sums for the next one, and by how much which have grown."""

    sums: Sums
    rows: dict[int, int]
    days: dict[int, int]


class Follower:
    """Follows the reports of a selection.

    A look that fails changes nothing: the next one tells what it would have told.
    """

    def __init__(self, chosen: selection.ChosenReports) -> None:
        self._chosen = chosen
        self._sums: Sums | None = None
        self._swept_ms = 0

    def begin(self, server: clickhouse.Connection, lines: int) -> list[NewReports]:
        """Look for the first time, and return the latest rows from before, as many as are wanted."""
        now = driver.now_ms(server)
        floor = min(now - now % periods.DAY_MS - LATE_MS, self._chosen.period.since_ms)
        newest = self._read(server, "newest", limit=lines)
        since = [round(start.timestamp() * 1000) for _, start in newest]
        limit = min([self._limit(server, now, floor), *since])
        nothing = Sums(limit, floor, {}, {})
        look = look_again(nothing, limit, floor, self._sum(server, limit, limit, floor))
        told = {key: look.sums.rows[key] for key, _ in newest if key in look.sums.rows}
        before = self._told(server, told, {}, look.sums)
        self._sums, self._swept_ms = look.sums, now
        return before

    def look(self, server: clickhouse.Connection) -> list[NewReports]:
        """Return what was stored since the last look, in the order in which it happened."""
        before = self._sums
        if before is None:
            raise RuntimeError("The first look comes before the second.")
        now = driver.now_ms(server)
        sweeps = not 0 <= now - self._swept_ms < SWEEP_MS
        limit = floor = before.limit_ms
        if sweeps:
            floor = max(before.floor_ms, now - now % periods.DAY_MS - LATE_MS)
            limit = self._limit(server, now, floor)
        found = self._sum(server, before.limit_ms, limit, floor)
        look = look_again(before, limit, floor if sweeps else None, found)
        new = self._told(server, look.rows, look.days, before)
        self._sums = look.sums
        if sweeps:
            self._swept_ms = now
        return new

    def _limit(self, server: clickhouse.Connection, now: int, floor: int) -> int:
        """Return from which window on rows are compared one by one: all, or those that grew just now."""
        ((few,),) = self._read(server, "few", floor_ms=floor, few=FEW)
        if few:
            return floor
        ((start,),) = self._read(server, "limit", recent_ms=now - RECENT_MS)
        return min(now - RECENT_MS, int(start)) if start else now - RECENT_MS

    def _sum(
        self, server: clickhouse.Connection, before: int, after: int, floor: int
    ) -> Iterable[tuple[Any, ...]]:
        return self._read(server, "sums", before_ms=before, after_ms=after, floor_ms=floor)

    def _told(
        self, server: clickhouse.Connection, rows: Mapping[int, int], days: Mapping[int, int], sums: Sums
    ) -> list[NewReports]:
        """Return what has grown with all that is known of it, less what the filters leave out."""
        found = [*self._details(server, "rows", rows, sums), *self._details(server, "days", days, sums)]
        return sorted(found, key=lambda one: (one.last_seen, one.key))

    def _details(
        self, server: clickhouse.Connection, name: str, grown: Mapping[int, int], sums: Sums
    ) -> Iterator[NewReports]:
        keys = list(grown)
        for start in range(0, len(keys), _KEYS):
            values = {
                "keys": keys[start : start + _KEYS],
                "limit_ms": sums.limit_ms,
                "floor_ms": sums.floor_ms,
            }
            for row in self._read(server, name, filters=self._chosen.filters, **values):
                yield NewReports(*row, seen=grown[row[0]], late=name == "days")  # type: ignore[misc]

    def _read(
        self,
        server: clickhouse.Connection,
        name: str,
        *,
        filters: selection.Filters | None = None,
        **values: object,
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query; sums are of noise too, for a new label is no new report."""
        wanted = filters or (
            self._chosen.filters
            if name == "newest"
            else msgspec.structs.replace(self._chosen.filters, noise=True)
        )
        statement = _SQL[name].format(conditions=selection.conditions(wanted))
        rows: list[tuple[Any, ...]] = server.execute(statement, {**self._chosen.parameters, **values})
        return rows


def look_again(before: Sums, limit_ms: int, floor_ms: int | None, found: Iterable[tuple[Any, ...]]) -> Look:
    """Compare sums with those of the last look.

    Args:
        before: the sums of the last look.
        limit_ms: the limit for the next one.
        floor_ms: the beginning of the days that were read; None where only rows were, and the limit stays.
        found: rows of ``old_key, old_is_row, new_key, new_is_row, seen``: a sum by its key under the limit of
            the last look, and under the limit for the next one.
    """
    old: dict[bool, dict[int, int]] = {True: {}, False: {}}
    new: dict[bool, dict[int, int]] = {True: {}, False: {}}
    for old_key, old_is_row, new_key, new_is_row, seen in found:
        _add(old[bool(old_is_row)], old_key, seen)
        _add(new[bool(new_is_row)], new_key, seen)
    if floor_ms is None:
        sums = msgspec.structs.replace(before, rows=new[True])
    else:
        sums = Sums(limit_ms, floor_ms, new[True], new[False])
    return Look(sums, grown(before.rows, old[True]), grown(before.days, old[False]))


def grown(before: Mapping[int, int], after: Mapping[int, int]) -> dict[int, int]:
    """Return by how much each sum has grown; one that has shrunk was removed or moved, and is no news."""
    return {key: seen - before.get(key, 0) for key, seen in after.items() if seen > before.get(key, 0)}


def _add(sums: dict[int, int], key: int, seen: int) -> None:
    sums[key] = sums.get(key, 0) + seen
