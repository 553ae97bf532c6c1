"""Deleting a project: everything that was stored of it goes, and its id is never given again.

Every step may run twice, and the project is marked as deleted last: an interrupted deletion is repeated.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec
import redis
import redis.exceptions

from storage import errors, lanes, ledger, partitions, registry, streams

if TYPE_CHECKING:
    from storage import clickhouse

SETTLE_S: Final = 5.0
"""How long an edge may still take reports of a retired project: far longer than between two looks."""

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
    """Delete a project and all that was stored of it, once every edge must know that it is retired.

    That is waited for rather than read off the time of the change: a clock may have been set meanwhile.

    Args:
        server: a connection of a user who may alter tables.
        client: the Redis that holds the queue.
        shards: number of shards.
        project: retired, and drained.

    Raises:
        DeletionError: it is not retired, or some of its reports are still on their way.
        RecoverableError: Redis or ClickHouse did not answer; delete it again.
    """
    source = registry.Registry(server)
    _require_retired(project)
    source.publish(client)
    time.sleep(SETTLE_S)
    _require_retired(source.get(str(project.id)))
    _require_drained(client, shards, project)
    _delete_rows(server, project.id)
    _delete_counts(client, shards, project.id)
    source.change(str(project.id), _tombstone)


def _require_retired(project: registry.Project) -> None:
    if project.status != "retired":
        raise DeletionError(f"Only a retired project is deleted: retire {project.name!r} first.")


def _require_drained(client: redis.Redis, shards: int, project: registry.Project) -> None:
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
            pipeline.delete(*partitions.keys(project_id))
            pipeline.execute()
    except (redis.exceptions.RedisError, OSError) as error:
        raise errors.RedisUnavailableError(f"Redis did not delete the counts: {error}.") from error


def _tombstone(project: registry.Project) -> registry.Project:
    """Return what stays of a project: its id."""
    return msgspec.structs.replace(
        project, name="", keys=(), key_records=(), status="deleted", settings=registry.ProjectSettings()
    )
