"""Drops of releases: all reports of a pair of environment and release go at once, and are counted.

Guarantee: exactly the counted reports go, whatever is killed, and the ledger balances before and after.
Drains are paused meanwhile, for as long as it takes to drop a partition, and to write anew the parts of the
archive that have rows of the release. Reports of the release that come in later are stored like any others.

1. The months of the pair are noted (``storage.findings.due``): its findings are not right until the end.
2. The live reports and the archived ones are counted, and recorded as two removals in one insert.
3. The archived ones are deleted by one mutation, which takes nothing that came in after it. The live
   partition is dropped. Each removal is recorded as finished when that is done.
4. The findings of the pair are deleted, and if the pause lasted until then, the note is finished.

The tables tell how far each removal of an interrupted drop got: by the mutation, and by the blocks of the
partition. A removal whose rows never began to go is withdrawn, and the drop begins anew.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from storage.archive import archiving
from storage.findings import due
from storage.projects import partitions
from storage.queue import pause
from storage.removal import removals
from storage.servers import sql

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    import redis

    from storage.servers import clickhouse, leases

_SQL: Final = sql.beside(__name__)

STEPS: Final = (
    "drop_noted",
    "drop_counted",
    "drop_deleting",
    "drop_deleted",
    "drop_dropped",
    "drop_finished",
    "drop_findings",
)
"""The steps of a drop in their order, as failpoints name them."""
_ANY_SIZE: Final = {"max_partition_size_to_drop": 0, "max_table_size_to_drop": 0}
_SYNCHRONOUS: Final = {"mutations_sync": 2, "lightweight_deletes_sync": 2}


class Release(NamedTuple):
    """A release in an environment: how many reports it has, and when the first and the last occurred."""

    environment: str
    release: str
    reports: int
    first_seen: dt.datetime
    last_seen: dt.datetime


class Dropper:
    """Drops releases.

    Args:
        server: a connection that waits for ``clickhouse.MUTATION_S``, of a user who may alter tables.
        client: the Redis that holds the queue.
        shards: number of shards.
        lease: ``leases.STORED_ROWS``, held.
        reached: called after each step with its name, of ``STEPS``.
    """

    def __init__(
        self,
        server: clickhouse.Connection,
        client: redis.Redis,
        shards: int,
        lease: leases.ProcessLease,
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._server = server
        self._client = client
        self._shards = shards
        self._lease = lease
        self._reached = reached

    def drop(self, project_id: int, pairs: Iterable[removals.Pair]) -> int:
        """Drop all reports of these pairs, and return how many they were.

        Raises:
            RecoverableError: Redis or ClickHouse did not answer, or drains cannot be paused; ``resume``
                finishes what began.
            LeaseLostError: another process took the lease, or the pause ended.
        """
        self.resume()
        return sum(self._drop(project_id, pair) for pair in pairs)

    def resume(self) -> None:
        """Finish the drops and moves that were interrupted; most calls find none.

        Raises:
            RecoverableError, LeaseLostError: as ``drop``.
        """
        archiving.Archiver(self._server, self._client, self._shards).resume(self._lease)
        begun = [removal for removal in removals.unfinished(self._server) if removal.dropped]
        if not begun:
            return
        again = []
        with pause.drains(self._client, self._shards) as held:
            for removal in begun:
                self._lease.require()
                held.require()
                if self._has_begun(removal):
                    removals.wait(self._server, removal)
                    removals.finish(self._server, removal)
                else:
                    removals.withdraw(self._server, removal)
                    again.append((removal.project_id, removal.pairs[0]))
        for project_id, pair in dict.fromkeys(again):
            self._drop(project_id, pair)

    def _drop(self, project_id: int, pair: removals.Pair) -> int:
        where = {"project": project_id, "environment": pair[0], "release": pair[1]}
        months = [month for (month,) in self._execute("months", where)]
        number = due.note(self._server, project_id, months)
        self._reached("drop_noted")
        with pause.drains(self._client, self._shards) as held:
            dropped = self._remove(project_id, pair, where, held)
            for table in removals.DAYS:
                self._server.execute(_SQL["delete_days"].format(table=table), where, settings=_SYNCHRONOUS)
            self._reached("drop_findings")
            held.require()
        for month in months:
            due.finish(self._server, due.Month(project_id, month, (number,)))
        return dropped

    def _remove(
        self, project_id: int, pair: removals.Pair, where: dict[str, object], held: pause.Pause
    ) -> int:
        archived, live = self._count(project_id, pair, where)
        begun = [removal for removal in (archived, live) if removal.reports]
        removals.begin_counted(self._server, begun)
        self._reached("drop_counted")
        held.require()
        if archived in begun:
            removals.submit(self._server, archived, "reports_archive")
            self._reached("drop_deleting")
            removals.wait(self._server, archived)
            self._reached("drop_deleted")
            removals.finish(self._server, archived)
        if live in begun:
            held.require()
            self._server.execute(_SQL["drop_partition"], where, settings=_ANY_SIZE)
            self._reached("drop_dropped")
            removals.finish(self._server, live)
            partitions.adjust(self._client, project_id, gone=[pair])
        self._reached("drop_finished")
        return archived.reports + live.reports

    def _count(
        self, project_id: int, pair: removals.Pair, where: dict[str, object]
    ) -> tuple[removals.Removal, removals.Removal]:
        """Return the removals of the archived and of the live reports of a pair, counted."""
        ((archived, archived_last),) = self._execute("archived", where)
        ((live, live_last),) = self._execute("live", where)
        blocks = self._execute("blocks", where)
        cutoff = max(archived_last, live_last, int(time.time() * 1000)) + 1
        number = removals.latest(self._server, project_id) + 1
        of_archive = removals.Removal(project_id, number, cutoff, (pair,), archived, dropped=1)
        last = blocks[0][1] if blocks else 0
        following = number + bool(archived)
        return of_archive, of_archive._replace(number=following, reports=live, last_block=last)

    def _has_begun(self, removal: removals.Removal) -> bool:
        """Return whether rows of a removal that was interrupted go, or are gone."""
        ((environment, release),) = removal.pairs
        where = {"project": removal.project_id, "environment": environment, "release": release}
        if not removal.last_block:
            ((left,),) = self._execute("left_archived", {**where, "cutoff": removal.cutoff})
            return left < removal.reports or bool(removals.mutations(self._server, removal))
        blocks = self._execute("blocks", where)
        return not blocks or blocks[0][0] > removal.last_block

    def _execute(self, statement: str, where: dict[str, object]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._server.execute(_SQL[statement], where)
        return found


def pairs(server: clickhouse.Connection, project_id: int) -> list[removals.Pair]:
    """Return the pairs of a project that have reports."""
    found: list[removals.Pair] = server.execute(_SQL["pairs"], {"project": project_id})
    return found


def stored(server: clickhouse.Connection, project_id: int, release: str) -> dict[str, int]:
    """Return how many reports a release has in each environment."""
    return dict(server.execute(_SQL["stored"], {"project": project_id, "release": release}))


def releases(server: clickhouse.Connection, project_id: int) -> list[Release]:
    """Return all pairs of a project that have reports, the latest first."""
    return [Release._make(row) for row in server.execute(_SQL["releases"], {"project": project_id})]
