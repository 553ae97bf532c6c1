"""Deletes a project: everything that was stored of it goes, and its id is never given again.

1. Every edge is given time to learn that the project is retired.
2. The project is marked as deleted, and the mark is published: no command stores anything for it again, and
   workers drop its payloads that are still in the queue. The deletion waits for that.
3. Its rows and counts are deleted. Only then the mark loses the project's name.

Every step may run twice. A deletion that was interrupted is repeated by the same command, or finished by
maintenance, which also removes rows that an edge or a worker brings in later because it was frozen.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
import redis

from storage import errors
from storage.archive import archiving
from storage.ledger import equations
from storage.limits import exhausted_quotas
from storage.projects import model, partitions, project_settings, registry
from storage.queue import isolation, streams
from storage.removal import underway
from storage.servers import leases, redis_errors, scripts, sql
from storage.tables import refusals

if TYPE_CHECKING:
    import redis.exceptions

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

SETTLE_S: Final = 5.0
"""Seconds for which an edge may still take reports of a retired project: far longer than its polls."""
DRAIN_S: Final = 60.0
"""Seconds that workers may take to drop payloads that wait in the queue."""
_POLL_S: Final = 0.1

_SYNCHRONOUS: Final = {"mutations_sync": 1}
_ANY_SIZE: Final = {"max_partition_size_to_drop": 0, "max_table_size_to_drop": 0}

PARTED: Final = ("reports_live", "reports_archive", "finding_days", "policy_days")
"""The tables of which each partition belongs to one project."""
_AT_ONCE: Final = 500
"""Partitions that one statement drops."""


class DeletionError(errors.HeadraceError):
    """A project cannot be deleted now."""


def delete(server: clickhouse.Connection, client: redis.Redis, shards: int, project: model.Project) -> None:
    """Delete a project and all that was stored of it.

    Args:
        server: a connection of a user who may alter tables.
        client: the Redis that holds the queue.
        shards: number of shards.
        project: retired and drained; or deleted already, to remove what is left.

    Raises:
        DeletionError: it is not retired, or some of its reports are still on their way.
        RecoverableError: Redis or ClickHouse did not answer; delete it again.
        LeaseTakenError: another process works on stored reports just now; delete it again.
    """
    source = registry.Registry(server)
    if project.status != "deleted":
        _require_retired(project)
        source.publish(client)
        # The wait is measured, not read off the time of the change: a clock may have been set meanwhile.
        time.sleep(SETTLE_S)
        _require_drained(client, shards, project)
        project = source.change(str(project.id), _marked)
    underway.published(client, source)
    _wait_dropped(client, shards, project)
    refusals.move(client, server)
    with leases.hold(client, leases.STORED_ROWS, leases.WAIT_S) as lease:
        archiving.Archiver(server, client, shards).resume(lease)
        _purge(server, client, shards, project.id)
    source.change_deleted(project.id, _nameless)


def sweep(server: clickhouse.Connection, client: redis.Redis, shards: int) -> list[int]:
    """Remove all that is left of deleted projects, and return the projects of which something was left.

    Most calls find nothing. A project whose payloads still wait in the queue is left for the next call.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer.
    """
    source = registry.Registry(server)
    deleted = {project.id: project for project in source.deleted()}
    if not deleted:
        return []
    totals = equations.counters(client, shards)
    counted = {number for counts in totals.values() for number in counts}
    nameful = {project.id for project in deleted.values() if project.name}
    found = sorted((_stored(server, list(deleted)) | counted | nameful) & deleted.keys())
    swept = [number for number in found if not _in_queue(client, shards, number)]
    if swept:
        with leases.hold(client, leases.STORED_ROWS, leases.WAIT_S) as lease:
            archiving.Archiver(server, client, shards).resume(lease)
            for number in swept:
                _purge(server, client, shards, number)
                source.change_deleted(number, _nameless)
    return swept


def _require_retired(project: model.Project) -> None:
    if project.status != "retired":
        raise DeletionError(f"Only a retired project is deleted: retire {project.name!r} first.")


def _require_drained(client: redis.Redis, shards: int, project: model.Project) -> None:
    totals = equations.counters(client, shards)
    waiting = totals["acknowledged"].get(project.id, 0) - totals["committed"].get(project.id, 0)
    if waiting > 0:
        raise DeletionError(
            f"{waiting:,} payloads of {project.name!r} wait in the queue: let them drain first."
        )


def _wait_dropped(client: redis.Redis, shards: int, project: model.Project) -> None:
    deadline = time.monotonic() + DRAIN_S
    while waiting := _in_queue(client, shards, project.id):
        if time.monotonic() >= deadline:
            raise DeletionError(
                f"{waiting:,} payloads of project {project.id} came in at the last moment, and no worker "
                "drops them: once workers run, delete it again."
            )
        time.sleep(_POLL_S)


def _in_queue(client: redis.Redis, shards: int, project_id: int) -> int:
    """Return how many payloads of a project are in the queue, or in a batch under way."""
    by_stream = equations.waiting(client, isolation.present(client, shards))
    return sum(counts[project_id][1] for counts in by_stream.values() if project_id in counts)


def _purge(server: clickhouse.Connection, client: redis.Redis, shards: int, project_id: int) -> None:
    """Remove rows and counts of a project."""
    identity = {"id": project_id}
    for table in PARTED:
        _drop_partitions(server, table, project_id)
    for table in _tables(server):
        statement = _SQL["delete_rows"].format(table=table)
        server.execute(statement, identity, settings=_SYNCHRONOUS)
    server.execute(_SQL["delete_receipts"], identity, settings=_SYNCHRONOUS)
    _delete_counts(client, shards, project_id)


def _stored(server: clickhouse.Connection, project_ids: list[int]) -> set[int]:
    """Return which of these projects have rows in any table but ``receipts``."""
    found: set[int] = set()
    for table in (*PARTED, *_tables(server)):
        statement = _SQL["stored_projects"].format(table=table)
        found.update(number for (number,) in server.execute(statement, {"ids": project_ids}))
    return found


def _tables(server: clickhouse.Connection) -> list[str]:
    return [table for (table,) in server.execute(_SQL["tables"], {"parted": list(PARTED)})]


def _drop_partitions(server: clickhouse.Connection, table: str, project_id: int) -> None:
    """Drop the partitions of a project: that takes the same time for few rows and for many."""
    found = server.execute(_SQL["partitions"].format(table=table), {"id": project_id})
    for start in range(0, len(found), _AT_ONCE):
        ids = {f"id{place}": name for place, (name,) in enumerate(found[start : start + _AT_ONCE])}
        commands = ", ".join(_SQL["drop_partition"].format(name=name) for name in ids)
        statement = _SQL["drop_partitions"].format(table=table, commands=commands)
        server.execute(statement, ids, settings=_ANY_SIZE)


def _delete_counts(client: redis.Redis, shards: int, project_id: int) -> None:
    """Remove a project's counts and memories from Redis, but for those that expire there by themselves."""
    each = [streams.keys(number) for number in isolation.present(client, shards)]
    with redis_errors.translated("did not delete the counts"):
        with client.pipeline(transaction=False) as pipeline:
            for names in each:
                scripts.FORGET_PROJECT.add_to(pipeline, (names.ledger, names.stream), str(project_id))
            partitions.forget(pipeline, project_id)
            pipeline.execute()
        members: Any = client.zrange(exhausted_quotas.EXHAUSTED_KEY, 0, -1)
        if mine := [member for member in members if member.split(b" ", 1)[0] == str(project_id).encode()]:
            client.zrem(exhausted_quotas.EXHAUSTED_KEY, *mine)


def _marked(project: model.Project) -> model.Project:
    """Return the project as deleted; it keeps its name until nothing else is left of it."""
    _require_retired(project)
    return msgspec.structs.replace(
        project, keys=(), key_records=(), status="deleted", settings=project_settings.ProjectSettings()
    )


def _nameless(project: model.Project) -> model.Project:
    return msgspec.structs.replace(project, name="")
