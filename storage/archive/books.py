"""The books of partitions: what ClickHouse has, and what Redis therefore must know, are kept the same.

ClickHouse is right. Redis is told of it where it was emptied, and from time to time: a pair whose partition
is gone gives its place back, and a partition that Redis does not know takes one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from storage import errors
from storage.projects import partitions
from storage.servers import clickhouse, sql

if TYPE_CHECKING:
    import redis

_SQL: Final = sql.beside(__name__)

SETTLED_MS: Final = 3_600_000
"""A pair may be without a partition for so long after a report: its batch waits to be stored."""


class Partition(NamedTuple):
    """A partition of ``reports_live``.

    Attributes:
        project_id: the project.
        pair: environment and release.
        partition_id: its id in ClickHouse.
        rows: rows in it, before they are merged.
        bytes: its size on the disk.
        parts: its parts.
    """

    project_id: int
    pair: partitions.Pair
    partition_id: str
    rows: int
    bytes: int
    parts: int


def live(server: clickhouse.Connection) -> list[Partition]:
    """Return the live partitions of all projects."""
    return [
        Partition(project_id, (environment, release), *rest)
        for project_id, environment, release, *rest in server.execute(_SQL["live"])
    ]


def latest_reports(
    server: clickhouse.Connection, most: int = partitions.MOST_ARCHIVED
) -> dict[int, partitions.Times]:
    """Return when each pair had its last report, the latest pairs of each project."""
    found: dict[int, partitions.Times] = defaultdict(dict)
    for project_id, environment, release, time_ms in server.execute(_SQL["latest_reports"], {"most": most}):
        found[project_id][environment, release] = time_ms
    return found


def archive_sizes(server: clickhouse.Connection) -> dict[int, tuple[int, int, int]]:
    """Return rows, bytes and parts of each project's part of the archive."""
    return {
        project_id: (rows, size, parts) for project_id, rows, size, parts in server.execute(_SQL["archive"])
    }


def archived_pairs(server: clickhouse.Connection) -> dict[int, int]:
    """Return how many pairs each project has in the archive."""
    return dict(server.execute(_SQL["archived"]))


def restore(client: redis.Redis, server: clickhouse.Connection) -> None:
    """Tell Redis all that it must know; idempotent.

    Raises:
        RecoverableError: Redis or ClickHouse is away, or the database is not up to date.
    """
    try:
        known = _known(server)
    except clickhouse.QueryError as error:
        raise errors.ClickHouseUnavailableError(
            f"ClickHouse does not tell which releases have partitions: {error}"
        ) from error
    partitions.restore(client, known)


def reconcile(
    client: redis.Redis, server: clickhouse.Connection, now_ms: int
) -> dict[int, partitions.Places]:
    """Tell Redis which partitions there are, and return the pairs that it knows then.

    Args:
        client: a synchronous client.
        server: a connection.
        now_ms: time in milliseconds since the epoch.
    """
    if not partitions.is_known(client):
        restore(client, server)
    stored = _by_project(live(server))  # first: what Redis learns meanwhile is not taken for gone
    known = partitions.places(client)
    latest: dict[int, partitions.Times] | None = None
    for project_id in sorted(stored.keys() | known.keys()):
        have = stored.get(project_id, set())
        places = known.get(project_id, partitions.Places({}, {}))
        gone = [
            pair
            for pair, time_ms in places.live.items()
            if pair not in have and (pair in places.archived or time_ms < now_ms - SETTLED_MS)
        ]
        new = [pair for pair in have if pair not in places.live]
        if new and latest is None:
            latest = latest_reports(server)
        times = (latest or {}).get(project_id, {})
        if new or gone:
            found = {pair: times.get(pair, now_ms) for pair in new}
            partitions.adjust(client, project_id, live=found, gone=gone)
    return partitions.places(client)


def _known(server: clickhouse.Connection) -> dict[int, partitions.Places]:
    """Return what Redis must know, by what ClickHouse has."""
    latest = latest_reports(server)
    stored = _by_project(live(server))
    moving = _moving(server)
    now_ms = clickhouse.now_ms(server)
    known = {}
    for project_id in latest.keys() | stored.keys():
        have, times = stored.get(project_id, set()), latest.get(project_id, {})
        known[project_id] = partitions.Places(
            {pair: times.get(pair, now_ms) for pair in have},
            {
                pair: time_ms
                for pair, time_ms in times.items()
                if partitions.is_movable(pair) and (pair not in have or (project_id, pair) in moving)
            },
        )
    return known


def _moving(server: clickhouse.Connection) -> set[tuple[int, partitions.Pair]]:
    return {
        (project_id, (environment, release))
        for project_id, environment, release in server.execute(_SQL["moving"])
    }


def _by_project(found: list[Partition]) -> dict[int, set[partitions.Pair]]:
    """Return the pairs that have a partition and take a place: ``(other)`` takes none."""
    pairs: dict[int, set[partitions.Pair]] = defaultdict(set)
    for partition in found:
        if partitions.is_movable(partition.pair):
            pairs[partition.project_id].add(partition.pair)
    return pairs
