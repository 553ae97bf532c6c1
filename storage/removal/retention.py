"""Retention: reports that are older than their project keeps them are removed, and counted.

Guarantee: exactly the counted reports are deleted, and the ledger balances before, while and after.

1. The registry forbids reports that are older than the cutoff (``Project.removed_before``), and batches under
   way that do not know of it are waited for. From then on no such row can come in.
2. Partition by partition the rows are counted, and the count is recorded as a removal that is not finished
   (``storage.removal.removals``). Meanwhile the ledger leaves those rows out.
3. They are deleted, and the removal is recorded as finished.

A removal that was interrupted is taken up by the next call, whatever the settings are by then.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import msgspec
import redis
import structlog

from storage.projects import model, registry
from storage.queue import isolation, streams
from storage.removal import removals, underway
from storage.servers import clocks, leases, redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import redis.exceptions

    from storage.servers import clickhouse

log = structlog.get_logger(__name__)

DAY_MS: Final = 86_400_000
LONGEST_WAIT_MS: Final = DAY_MS // 2
"""Nothing is removed while a payload waits for longer: its reports may be too old by now."""
SLACK_MS: Final = DAY_MS + LONGEST_WAIT_MS
"""Milliseconds by which a new row may exceed the retention: the longest dedupe window, and the wait."""
SETTLE_S: Final = 5.0
"""Seconds of waiting for batches under way; if they take longer, the next call tries again."""


def cutoff_of(now_ms: int, days: int) -> int:
    """Return the cutoff under a retention of so many days: a midnight in UTC before which windows go."""
    return (now_ms - SLACK_MS) // DAY_MS * DAY_MS - days * DAY_MS


def enforce(
    server: clickhouse.Connection,
    client: redis.Redis,
    shards: int,
    projects: Iterable[model.Project],
    trusts: Callable[[int], bool] = lambda _: True,
) -> int:
    """Remove the reports that are too old, and return how many they were; most calls find none.

    Args:
        server: a connection of a user who may alter tables.
        client: the Redis that holds the queue.
        shards: number of shards.
        projects: all projects, as they are now.
        trusts: asked for the time (ms since the epoch); if it says no, nothing is removed for now.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer; the next call takes up the work.
        LeaseTakenError: another process enforces retention just now.
    """
    numbers = isolation.present(client, shards)
    with leases.hold(client, leases.RETENTION, leases.WAIT_S) as lease:
        now_ms, oldest_ms = _clock(server, client, numbers)
        trusted = trusts(now_ms)
        cutoffs = {
            project.id: cutoff_of(now_ms, project.settings.retention)
            for project in projects
            if project.settings.retention and trusted
        }
        for removal in removals.unfinished(server):
            lease.require()
            _resume(server, removal, wanted=removal.cutoff <= cutoffs.get(removal.project_id, 0))
        if now_ms - oldest_ms > LONGEST_WAIT_MS:
            return 0
        due = {number: cutoff for number, cutoff in cutoffs.items() if removals.due(server, number, cutoff)}
        return sum(
            _remove(server, project_id, due[project_id], lease)
            for project_id in _settled(server, client, numbers, due)
        )


def _remove(server: clickhouse.Connection, project_id: int, cutoff: int, lease: leases.ProcessLease) -> int:
    """Remove the reports of a project below a cutoff, and return how many they were."""
    whole = removals.Removal(project_id, 0, cutoff, "", "", 0)
    numbers = itertools.count(removals.latest(server, project_id) + 1)
    total = 0
    for environment, release in removals.partitions(server, whole):
        lease.require()
        planned = whole._replace(number=next(numbers), environment=environment, release=release)
        removal = removals.begin(server, planned)
        _finish(server, removal)
        total += removal.reports
    removals.delete_policies(server, project_id, cutoff)
    return total


def _resume(server: clickhouse.Connection, removal: removals.Removal, *, wanted: bool) -> None:
    """Bring a removal that was interrupted to an end.

    If its rows are untouched, and its project wants to keep them by now, or has more of them than were
    counted, the removal is withdrawn.
    """
    if not removals.mutations(server, removal):
        stored = removals.count(server, removal)
        if stored > removal.reports or (stored == removal.reports and not wanted):
            removals.withdraw(server, removal)
            return
    _finish(server, removal)


def _finish(server: clickhouse.Connection, removal: removals.Removal) -> None:
    """Delete the rows of a removal that was begun, and record that it is over."""
    removals.delete(server, removal)
    removals.finish(server, removal)


def _settled(
    server: clickhouse.Connection, client: redis.Redis, numbers: Sequence[int], due: dict[int, int]
) -> Iterator[int]:
    """Yield the projects for which no row below their cutoff can come in any more."""
    if not due:
        return
    source = registry.Registry(server)
    known = {project.id for project in source.list()}
    for project_id in known & due.keys():
        source.change(str(project_id), _forbidding(due[project_id]))
    snapshot = underway.published(client, source)
    floors = {project.id: project.removed_before for project in snapshot.projects}
    for project_id, cutoff in due.items():
        forbidden = project_id not in known or floors.get(project_id, 0) >= cutoff
        if forbidden and underway.settled(client, numbers, snapshot.version, project_id, SETTLE_S):
            yield project_id
        else:
            log.info("removal_postponed", project=project_id)


def _forbidding(cutoff: int) -> registry.Change:
    return lambda project: msgspec.structs.replace(
        project, removed_before=max(project.removed_before, cutoff)
    )


def _clock(server: clickhouse.Connection, client: redis.Redis, numbers: Iterable[int]) -> tuple[int, int]:
    """Return the time, and when the oldest payload that waits was received, in milliseconds.

    The earliest of several clocks counts: a clock that is ahead would remove young reports.
    """
    with redis_errors.translated("did not tell what waits"), client.pipeline(transaction=False) as pipeline:
        for number in numbers:
            pipeline.xrange(streams.keys(number).stream, count=1)
        heads = pipeline.execute()
    now_ms = clocks.earliest_ms(client, server)
    return now_ms, min((streams.received_ms(*head[0]) for head in heads if head), default=now_ms)
