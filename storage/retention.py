"""Retention: reports that are older than their project keeps them are removed, and counted.

Guarantee: the ledger balances before, while and after. A removal is recorded with its count before rows go,
and as finished afterwards; one that was interrupted is finished first. No report is inserted below the cutoff
meanwhile, because the workers leave out what is older than the retention, and because of ``SLACK_MS``. The
earliest of three clocks tells what is old: one that is ahead removes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis
import redis.exceptions

from storage import clocks, errors, lanes, streams, writer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage import clickhouse, registry

DAY_MS: Final = 86_400_000
LONGEST_WAIT_MS: Final = DAY_MS // 2
"""Nothing is removed while a payload waits for longer: what it holds may be too old by now."""
SLACK_MS: Final = DAY_MS + LONGEST_WAIT_MS
"""How much older a new row may be than the retention: by the longest dedupe window, and the wait."""

_REMOVALS: Final = """
SELECT toUnixTimestamp64Milli(cutoff) AS cutoff_ms, max(finished) FROM removals
WHERE project_id = %(project)s GROUP BY cutoff_ms ORDER BY cutoff_ms DESC LIMIT 1
"""
_OLD: Final = "project_id = %(project)s AND window_start < fromUnixTimestamp64Milli(%(cutoff)s, 'UTC')"
_COUNT: Final = f"SELECT sum(seen) FROM reports WHERE {_OLD}"  # noqa: S608 - all of it stands here
_PARTITIONS: Final = f"SELECT DISTINCT environment, release FROM reports WHERE {_OLD}"  # noqa: S608 - likewise
_REMOVE: Final = f"""
ALTER TABLE reports DELETE IN PARTITION tuple(%(project)s, %(environment)s, %(release)s) WHERE {_OLD}
"""
_REMOVE_POLICIES: Final = """
ALTER TABLE policies DELETE WHERE project_id = %(project)s AND hash IN (
    SELECT hash FROM policies WHERE project_id = %(project)s
    GROUP BY hash HAVING max(last_seen) < fromUnixTimestamp64Milli(%(cutoff)s, 'UTC')
)
"""
_SYNCHRONOUS: Final = {"mutations_sync": 1}


class _Removal(NamedTuple):
    """The latest removal of a project; ``cutoff`` is in milliseconds since the epoch, 0 before the first."""

    cutoff: int
    finished: bool


def cutoff_of(now_ms: int, days: int) -> int:
    """Return before which time windows are removed under a retention of so many days: a midnight in UTC."""
    return (now_ms - SLACK_MS) // DAY_MS * DAY_MS - days * DAY_MS


def enforce(
    server: clickhouse.Connection, client: redis.Redis, shards: int, projects: Iterable[registry.Project]
) -> int:
    """Remove what is too old, and return how many reports that were; most calls find nothing to do.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer; the next call takes up the work.
    """
    now_ms = clocks.earliest_ms(client, server)
    oldest_ms = _oldest(client, lanes.present(client, shards), now_ms)
    if now_ms - oldest_ms > LONGEST_WAIT_MS:
        return 0
    return sum(
        _remove(server, project.id, cutoff_of(now_ms, project.settings.retention))
        for project in projects
        if project.settings.retention
    )


def _remove(server: clickhouse.Connection, project_id: int, cutoff: int) -> int:
    latest = _latest(server, project_id)
    if not latest.finished:
        _finish(server, project_id, latest.cutoff)
    if cutoff <= latest.cutoff:
        return 0
    parameters = {"project": project_id, "cutoff": cutoff}
    ((reports,),) = server.execute(_COUNT, parameters)
    if reports:
        _record(server, project_id, cutoff, reports, finished=False)
        _finish(server, project_id, cutoff)
    return int(reports)


def _finish(server: clickhouse.Connection, project_id: int, cutoff: int) -> None:
    """Remove the rows of a removal that was begun; only what holds such rows is rewritten."""
    parameters = {"project": project_id, "cutoff": cutoff}
    for environment, release in server.execute(_PARTITIONS, parameters):
        partition = {**parameters, "environment": environment, "release": release}
        server.execute(_REMOVE, partition, settings=_SYNCHRONOUS)
    server.execute(_REMOVE_POLICIES, parameters, settings=_SYNCHRONOUS)
    _record(server, project_id, cutoff, 0, finished=True)


def _record(
    server: clickhouse.Connection, project_id: int, cutoff: int, reports: int, *, finished: bool
) -> None:
    """Record a step of a removal; of several processes that do the same one, the first counts."""
    row: dict[str, list[Any]] = {
        "project_id": [project_id],
        "cutoff": [cutoff],
        "reports": [reports],
        "finished": [int(finished)],
    }
    writer.insert(server, "removals", row, f"removal:{project_id}:{cutoff}:{int(finished)}")


def _latest(server: clickhouse.Connection, project_id: int) -> _Removal:
    rows = server.execute(_REMOVALS, {"project": project_id})
    return _Removal(rows[0][0], bool(rows[0][1])) if rows else _Removal(0, finished=True)


def _oldest(client: redis.Redis, numbers: Iterable[int], now_ms: int) -> int:
    """Return when the oldest payload was received that waits, in milliseconds; now when none does."""
    try:
        with client.pipeline(transaction=False) as pipeline:
            for number in numbers:
                pipeline.xrange(streams.keys(number).stream, count=1)
            heads = pipeline.execute()
    except (redis.exceptions.RedisError, OSError) as error:
        raise errors.RedisUnavailableError(f"Redis did not tell what waits: {error}.") from error
    return min((streams.received_ms(*head[0]) for head in heads if head), default=now_ms)
