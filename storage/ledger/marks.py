"""Marks in Redis and in ClickHouse, by which it shows that one of them was restored to an earlier state.

A mark is a number that grows by one, with the time at which it was made. It is written to Redis first and to
ClickHouse afterwards, and no further mark is made until both have it. So ClickHouse has the mark that Redis
has, or the mark before it. Anything else is a break: one of the two knows less than the other, because it was
restored from a backup, failed over to a replica that lagged, or was emptied.

Warning: a store that was set back by less than ``INTERVAL_MS`` may have the same mark as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import redis

from storage.servers import redis_errors, scripts, sql
from storage.tables import writer

if TYPE_CHECKING:
    import redis.exceptions

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

KEY: Final = "headrace:mark"
"""Redis hash: ``number`` and ``ms`` of the latest mark."""
INTERVAL_MS: Final = 60_000


Store = Literal["redis", "clickhouse"]


class Mark(NamedTuple):
    """One mark; number 0 stands for none. ``ms`` is in milliseconds since the epoch."""

    number: int
    ms: int


class Break(NamedTuple):
    """A break: one store stands at an earlier time than the other. Times are in milliseconds since the epoch.

    Attributes:
        store: the store that stands at the earlier time.
        since_ms: the time at which it stands, give or take a minute; 0 when it has no mark at all.
        until_ms: the last time that the other store knows of.
        found_ms: when it was found.
    """

    store: Store
    since_ms: int
    until_ms: int
    found_ms: int


def compare(client: redis.Redis, server: clickhouse.Connection) -> Break | None:
    """Compare the stores, and make a mark if the last one is old enough; return a break, once it is recorded.

    Several processes may call it at once.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer.
    """
    before = _stored(server)
    mark, now_ms = _read(client)
    found = _compared(before, mark, _stored(server), now_ms)
    if found is not None:
        _record(server, found)
    elif before.number < mark.number:
        _store(server, mark)
    if found is not None or not 0 <= now_ms - mark.ms < INTERVAL_MS or not mark.number:
        following = Mark(max(before.number, mark.number) + 1, now_ms)
        if _make(client, mark, following):
            _store(server, following)
    return found


def breaks(server: clickhouse.Connection) -> list[Break]:
    """Return the breaks that were found since the books were settled, by the time when they were found."""
    return [Break(*row) for row in server.execute(_SQL["breaks"])]


def _compared(before: Mark, mark: Mark, after: Mark, now_ms: int) -> Break | None:
    """Return the break between Redis' mark and those that ClickHouse had before and after it was read."""
    if mark.number < before.number:
        return Break("redis", mark.ms, before.ms, now_ms)
    if mark.number > after.number + 1:
        return Break("clickhouse", after.ms, mark.ms, now_ms)
    return None


def _stored(server: clickhouse.Connection) -> Mark:
    rows = server.execute(_SQL["latest"])
    return Mark(*rows[0]) if rows else Mark(0, 0)


def _read(client: redis.Redis) -> tuple[Mark, int]:
    """Return Redis' mark and its time, in milliseconds since the epoch."""
    with redis_errors.translated("did not give its mark"), client.pipeline(transaction=True) as pipeline:
        pipeline.hmget(KEY, "number", "ms")
        pipeline.time()
        (number, ms), (seconds, micros) = pipeline.execute()
    return Mark(int(number or 0), int(ms or 0)), seconds * 1000 + micros // 1000


def _make(client: redis.Redis, current: Mark, following: Mark) -> bool:
    with redis_errors.translated("did not take a mark"):
        arguments = (str(current.number or ""), str(following.number), str(following.ms))
        made = scripts.MAKE_MARK.run(client, (KEY,), *arguments)
    return bool(made)


def _store(server: clickhouse.Connection, mark: Mark) -> None:
    """Store a mark; again, it changes nothing."""
    columns: dict[str, list[Any]] = {"number": [mark.number], "at": [mark.ms]}
    writer.insert(server, "marks", columns, f"mark:{mark.number}:{mark.ms}")


def _record(server: clickhouse.Connection, found: Break) -> None:
    columns: dict[str, list[Any]] = {
        "store": [found.store],
        "since": [found.since_ms],
        "until": [found.until_ms],
        "found": [found.found_ms],
    }
    writer.insert(server, "breaks", columns, f"break:{found.store}:{found.since_ms}:{found.until_ms}")
