"""Retention: reports that are older than their project keeps them are removed, and counted.

Guarantee: exactly the counted reports are deleted, and the ledger balances before, while and after.

1. The registry forbids reports that are older than the cutoff (``Project.removed_before``, and ``floors`` for
   single releases), and batches under way that do not know of it are waited for. From then on no such row can
   come in.
2. The rows are counted, live and archived ones, and the count is recorded as a removal that is not finished
   (``storage.removal.removals``). Meanwhile the ledger leaves those rows out.
3. They are deleted with their findings, and the removal is recorded as finished.

A project has one cutoff, and more for releases and environments of which a rule speaks.

A removal that was interrupted is taken up by the next call, whatever the settings are by then.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import msgspec
import redis
import structlog

from storage.archive import archiving
from storage.projects import model, registry, retention_rules
from storage.queue import isolation, streams
from storage.removal import removals, underway
from storage.servers import clocks, leases, redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import redis.exceptions

    from storage.servers import clickhouse

log = structlog.get_logger(__name__)

_Due = list[tuple[removals.Scope, list[removals.Pair]]]

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
        LeaseTakenError: another process works on stored reports just now.
    """
    numbers = isolation.present(client, shards)
    with leases.hold(client, leases.STORED_ROWS, leases.WAIT_S) as lease:
        archiving.Archiver(server, client, shards).resume(lease)
        now_ms, oldest_ms = _clock(server, client, numbers)
        known = {project.id: project for project in projects} if trusts(now_ms) else {}
        begun = removals.unfinished(server)
        for removal in begun:
            if not removal.dropped:
                lease.require()
                _resume(server, removal, wanted=_is_wanted(removal, known.get(removal.project_id), now_ms))
        dropping = any(removal.dropped for removal in begun)  # what it counted must not be counted again
        if dropping or now_ms - oldest_ms > LONGEST_WAIT_MS:
            return 0
        due = {project.id: _due(server, project, now_ms) for project in known.values()}
        due = {project_id: found for project_id, found in due.items() if found}
        return sum(
            _remove(server, known[project_id], now_ms, due[project_id], lease)
            for project_id in _settled(server, client, numbers, due)
        )


def scopes(project: model.Project, now_ms: int) -> list[removals.Scope]:
    """Return the cutoffs of a project, each with the releases and environments for which it holds."""
    rules = retention_rules.parsed(project.settings.retention_rules)
    every = (*rules, retention_rules.RetentionRule(project.settings.retention))
    return [
        removals.Scope(
            project.id,
            cutoff_of(now_ms, rule.days),
            *rule.scope,
            others=tuple(other.scope for other in every[:place]),
        )
        for place, rule in enumerate(every)
        if rule.days
    ]


def _due(server: clickhouse.Connection, project: model.Project, now_ms: int) -> _Due:
    """Return the cutoffs of a project below which there are reports, each with the pairs of those."""
    found = ((scope, removals.due(server, scope)) for scope in scopes(project, now_ms))
    return [(scope, pairs) for scope, pairs in found if pairs]


def _is_wanted(removal: removals.Removal, project: model.Project | None, now_ms: int) -> bool:
    """Return whether a project wants the reports of a removal to go, by its settings as they are now."""
    if project is None:
        return False
    otherwise = project.settings.retention
    rules = retention_rules.parsed(project.settings.retention_rules)
    days = [retention_rules.days_of(rules, *pair, otherwise) for pair in removal.pairs] or [otherwise]
    return all(each and removal.cutoff <= cutoff_of(now_ms, each) for each in days)


def _remove(
    server: clickhouse.Connection,
    project: model.Project,
    now_ms: int,
    due: _Due,
    lease: leases.ProcessLease,
) -> int:
    """Remove the reports of a project below its cutoffs, and return how many they were."""
    numbers = itertools.count(removals.latest(server, project.id) + 1)
    total = 0
    for scope, pairs in due:
        for start in range(0, len(pairs), removals.MOST_PAIRS):
            lease.require()
            part = tuple(pairs[start : start + removals.MOST_PAIRS])
            removal = removals.begin(server, removals.Removal(project.id, next(numbers), scope.cutoff, part))
            _finish(server, removal)
            total += removal.reports
    if (oldest := _oldest(project, now_ms)) is not None:
        removals.delete_policies(server, project.id, oldest)
    return total


def _oldest(project: model.Project, now_ms: int) -> int | None:
    """Return the cutoff below which no report of a project is kept; None if some are kept for ever."""
    rules = retention_rules.parsed(project.settings.retention_rules)
    days = [project.settings.retention, *(rule.days for rule in rules)]
    return cutoff_of(now_ms, max(days)) if all(days) else None


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
    server: clickhouse.Connection, client: redis.Redis, numbers: Sequence[int], due: dict[int, _Due]
) -> Iterator[int]:
    """Yield the projects for which no row below their cutoffs can come in any more."""
    if not due:
        return
    source = registry.Registry(server)
    known = {project.id for project in source.list()}
    for project_id in known & due.keys():
        source.change(str(project_id), _forbidding([scope for scope, _ in due[project_id]]))
    snapshot = underway.published(client, source)
    found = {project.id: project for project in snapshot.projects}
    for project_id, each in due.items():
        forbidden = project_id not in known or (
            project_id in found and all(_is_forbidden(found[project_id], scope) for scope, _ in each)
        )
        if forbidden and underway.settled(client, numbers, snapshot.version, project_id, SETTLE_S):
            yield project_id
        else:
            log.info("removal_postponed", project=project_id)


def _forbidding(found: Sequence[removals.Scope]) -> registry.Change:
    whole = max((scope.cutoff for scope in found if _is_whole(scope)), default=0)
    floors = tuple(
        model.Floor(scope.cutoff, scope.environment, scope.release) for scope in found if not _is_whole(scope)
    )
    return lambda project: msgspec.structs.replace(
        project,
        removed_before=max(project.removed_before, whole),
        floors=model.raised(project.floors, floors),
    )


def _is_forbidden(project: model.Project, scope: removals.Scope) -> bool:
    if _is_whole(scope):
        return project.removed_before >= scope.cutoff
    return any(
        (floor.environment, floor.release) == (scope.environment, scope.release)
        and floor.before >= scope.cutoff
        for floor in project.floors
    )


def _is_whole(scope: removals.Scope) -> bool:
    return scope.environment is None and scope.release is None


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
