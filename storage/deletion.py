"""Deleting a project: everything that was stored of it goes, and its id is never given again.

Every step may run twice, and the project is marked as deleted last: an interrupted deletion is repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import redis
import redis.exceptions

from storage import errors, lanes, ledger, partitions, registry, streams

if TYPE_CHECKING:
    from storage import clickhouse

SETTLE_MS: Final = 5_000
"""How long an edge may still take reports of a retired project: far longer than between two looks."""

_AGE: Final = """
SELECT toUnixTimestamp64Milli(now64(3)) - toUnixTimestamp64Milli(changed_at)
FROM projects FINAL WHERE id = %(id)s
"""
_PARTITIONS: Final = "SELECT DISTINCT environment, release FROM reports WHERE project_id = %(id)s"
_DROP: Final = "ALTER TABLE reports DROP PARTITION tuple(%(id)s, %(environment)s, %(release)s)"
_TABLES: Final = """
SELECT table FROM system.columns
WHERE database = currentDatabase() AND name = 'project_id' AND type = 'UInt64' AND table != 'reports'
    AND table IN (
        SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree')
    )
ORDER BY table
"""
_RECEIPTS: Final = "ALTER TABLE receipts DELETE WHERE arrayAll(project -> project = %(id)s, project_id)"
_SYNCHRONOUS: Final = {"mutations_sync": 1}


class DeletionError(errors.HeadraceError):
    """A project cannot be deleted now."""


def delete(
    server: clickhouse.Connection, client: redis.Redis, shards: int, project: registry.Project
) -> None:
    """Delete a project and all that was stored of it.

    Args:
        server: a connection of a user who may alter tables.
        client: the Redis that holds the queue.
        shards: number of shards.
        project: retired, and drained.

    Raises:
        DeletionError: it is not retired, or some of its reports are still on their way.
        RecoverableError: Redis or ClickHouse did not answer; delete it again.
    """
    if project.status != "retired":
        raise DeletionError(f"Only a retired project is deleted: retire {project.name!r} first.")
    _require_quiet(server, client, shards, project)
    _delete_rows(server, project.id)
    _delete_counts(client, shards, project.id)
    registry.Registry(server).change(str(project.id), _tombstone)


def _require_quiet(
    server: clickhouse.Connection, client: redis.Redis, shards: int, project: registry.Project
) -> None:
    ((age_ms,),) = server.execute(_AGE, {"id": project.id})
    if age_ms < SETTLE_MS:
        raise DeletionError(
            f"{project.name!r} was changed just now, and edges may not know it yet: wait for some seconds."
        )
    totals = ledger.counters(client, shards)
    waiting = totals["acknowledged"].get(project.id, 0) - totals["committed"].get(project.id, 0)
    if waiting > 0:
        raise DeletionError(
            f"{waiting:,} payloads of {project.name!r} wait in the queue: let them drain first."
        )


def _delete_rows(server: clickhouse.Connection, project_id: int) -> None:
    identity = {"id": project_id}
    for environment, release in server.execute(_PARTITIONS, identity):
        server.execute(_DROP, {**identity, "environment": environment, "release": release})
    for (table,) in server.execute(_TABLES):
        statement = f"ALTER TABLE `{table}` DELETE WHERE project_id = %(id)s"
        server.execute(statement, identity, settings=_SYNCHRONOUS)
    server.execute(_RECEIPTS, identity, settings=_SYNCHRONOUS)


def _delete_counts(client: redis.Redis, shards: int, project_id: int) -> None:
    fields = [f"{name}:{project_id}" for name in ("acknowledged", "committed", "found")]
    numbers = lanes.present(client, shards)
    try:
        with client.pipeline(transaction=True) as pipeline:
            for number in numbers:
                pipeline.hdel(streams.keys(number).ledger, *fields)
            pipeline.delete(partitions.key(project_id))
            pipeline.execute()
    except (redis.exceptions.RedisError, OSError) as error:
        raise errors.RedisUnavailableError(f"Redis did not delete the counts: {error}.") from error


def _tombstone(project: registry.Project) -> registry.Project:
    """Return what stays of a project: its id."""
    return msgspec.structs.replace(
        project, name="", keys=(), key_records=(), status="deleted", settings=registry.ProjectSettings()
    )
