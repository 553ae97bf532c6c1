"""A move: the partitions of some releases of a project become rows of the archive, while everybody goes on.

The view ``reports`` hides the copies of a move until it is switched, and the partitions themselves from then
on. A query looks once, in its beginning, which moves are under way; so it finds each row in one place, if
every step waits for the queries that began before the step ahead of it. The steps:

1. The move is recorded as ``copying``.
2. While drains pause, its pairs become known as archived: their reports go to the archive from then on.
3. When earlier queries have ended, the rows are copied, and what was copied is compared.
4. The move is recorded as ``switched``. When earlier queries have ended, the partitions leave: each is moved,
   as a whole, to a table of this move alone.
5. Should something have come in behind the copy, it is added to the archive: nothing can come to
   what has left. Then its table is dropped, the move is forgotten, and its places are given back.

Guarantee: whatever is killed on the way, ``resume`` brings the move to its end, or gives it up and leaves the
partitions where they were. Two processes that carry out the same move do no harm: the tables say what was
given up, and each move has a table of its own for what leaves.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from storage import errors
from storage.archive import queries
from storage.projects import partitions
from storage.queue import pause
from storage.servers import clickhouse, sql
from storage.tables import writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import redis

    from storage.servers import leases

log = structlog.get_logger(__name__)

_SQL: Final = sql.beside(__name__)

STEPS: Final = (
    "move_recorded",
    "move_marked",
    "move_copied",
    "move_switched",
    "move_leaving",
    "move_compared",
    "move_dropped",
    "move_forgotten",
)
"""The steps of a move in their order, as failpoints name them."""

_KEY: Final = ("project_id", "environment", "release", "window_start", "kind", "fingerprint", "identity")
"""Rows that agree in these columns are equal, and are merged."""
_SUMMED: Final = re.compile(r"SimpleAggregateFunction\((?P<function>\w+), (?P<type>.+)\)")
_COPY: Final = {
    "async_insert": 0,
    "insert_deduplicate": 0,
    "max_partitions_per_insert_block": 0,  # a partition for each month that the rows are of
    "max_insert_threads": 1,
    "min_insert_block_size_bytes": 64 << 20,
    "max_execution_time": 0,
}
_ANY_SIZE: Final = {"max_table_size_to_drop": 0, "max_partition_size_to_drop": 0}
_SYNCHRONOUS: Final = {"mutations_sync": 1}

_Content = tuple[int, int]
"""How many reports, and a sum over the keys of their rows."""
_NOTHING: Final = (0, 0)


class NotMovedError(errors.RecoverableError):
    """Stored rows are being changed, or something came in while a move copied it: it begins again later."""


class Move(NamedTuple):
    """A move that is under way.

    Attributes:
        number: names it; never given again.
        project_id: whose partitions move.
        switched: whether the rows are read from the archive by now.
        abandoned: whether it was given up; not if it is switched all the same.
        partitions: the pairs, each with the id of its partition.
    """

    number: int
    project_id: int
    switched: bool
    abandoned: bool
    partitions: Mapping[partitions.Pair, str]

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of the statements in ``moves.sql``."""
        ids = sorted(self.partitions.values())
        return {"number": self.number, "project": self.project_id, "ids": ids}

    @property
    def leaving(self) -> str:
        """The table to which its partitions leave."""
        return f"reports_leaving_{self.number}"


def under_way(server: clickhouse.Connection) -> list[Move]:
    """Return the moves that are under way, the oldest first."""
    return [
        Move(
            number,
            project_id,
            bool(switched),
            bool(abandoned) and not switched,
            {(environment, release): partition for environment, release, partition in found},
        )
        for number, project_id, switched, abandoned, found in server.execute(_SQL["under_way"])
    ]


class Mover:
    """Carries out moves.

    Args:
        server: a connection that waits for ``clickhouse.MUTATION_S``.
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

    def move(self, project_id: int, ids: Mapping[partitions.Pair, str]) -> int:
        """Move partitions into the archive, and return how many reports moved.

        Args:
            project_id: whose partitions.
            ids: the pairs, each with the id of its partition.

        Raises:
            RecoverableError: a store is away, drains could not be paused, or something long is under way;
                ``resume`` takes the move up.
            LeaseLostError: another process took the work over.
        """
        self._require_settled()
        move = self._record(project_id, ids)
        self._reached("move_recorded")
        self._mark(move)
        self._reached("move_marked")
        self._wait()
        self._execute("copy", move, settings=_COPY, columns=", ".join(self._columns()))
        self._reached("move_copied")
        reports = self._switch(move)
        if not reports:
            self._abandon(move)
            raise NotMovedError(
                f"What project {project_id} has of quiet releases changed while it was copied."
            )
        self._finish(move)
        return reports

    def resume(self) -> None:
        """Bring the moves that were interrupted to their end, or give them up.

        Raises:
            RecoverableError: as ``move``.
            LeaseLostError: another process took the work over.
        """
        for move in under_way(self._server):
            self._lease.require()
            log.info("move_resumed", number=move.number, project=move.project_id, switched=move.switched)
            self._know(move)
            if move.switched:
                self._finish(move)
                continue
            self._wait()  # also for a copy of which nobody waits for the end
            if move.abandoned or not self._switch(move):
                self._abandon(move)
            else:
                self._finish(move)
        self._put_back()

    def _record(self, project_id: int, ids: Mapping[partitions.Pair, str]) -> Move:
        number = clickhouse.now_ms(self._server) << 20 | secrets.randbits(20)
        move = Move(number, project_id, switched=False, abandoned=False, partitions=ids)
        rows: dict[str, list[Any]] = {
            "number": [number] * len(ids),
            "state": ["copying"] * len(ids),
            "project_id": [project_id] * len(ids),
            "environment": [environment for environment, _ in ids],
            "release": [release for _, release in ids],
            "partition_id": list(ids.values()),
        }
        writer.insert(self._server, "archive_moves", rows, f"move:{number}")
        return move

    def _mark(self, move: Move) -> None:
        """Let the reports of the pairs go to the archive from now on.

        No batch is under way that has them elsewhere, and each that is bound later has them there.
        """
        with pause.drains(self._client, self._shards) as held:
            self._know(move)
            held.require()

    def _know(self, move: Move) -> None:
        """Let the guard know the pairs as archived."""
        archived = dict.fromkeys(move.partitions, clickhouse.now_ms(self._server))
        partitions.adjust(self._client, move.project_id, archived=archived)

    def _switch(self, move: Move) -> int:
        """Switch a move if all was copied, and return how many reports were."""
        live, copied = self._content("live_content", move), self._content("copied_content", move)
        if copied == _NOTHING or live != copied:
            return 0
        self._lease.require()
        if not self._note(move, "switched"):
            return 0
        self._reached("move_switched")
        return copied[0]

    def _finish(self, move: Move) -> None:
        """Remove the partitions of a move that is switched."""
        self._wait()
        self._part(move)
        self._reached("move_leaving")
        self._add_rest(move)
        self._reached("move_compared")
        self._lease.require()
        self._execute("drop_leaving", move, settings=_ANY_SIZE)
        self._reached("move_dropped")
        self._forget(move)
        self._reached("move_forgotten")
        partitions.adjust(self._client, move.project_id, gone=move.partitions)

    def _part(self, move: Move) -> None:
        self._lease.require()
        self._execute("make_leaving", move)
        present = [found for (found,) in self._execute("present", move)]
        for partition_id in present:
            self._lease.require()
            step = _SQL["move_leaving"].format(leaving=move.leaving)
            self._server.execute(step, {"id": partition_id})

    def _add_rest(self, move: Move) -> None:
        """Add to the archive what came into the partitions after they were copied; idempotent."""
        left = self._content("left_content", move)
        if left in (_NOTHING, self._content("copied_content", move)):
            return
        log.warning("move_completed", number=move.number, project=move.project_id)
        columns = self._columns()
        rest = ", ".join(_less(name, stored) for name, stored in columns.items())
        key = ", ".join(f"r.`{name}`" for name in _KEY)
        self._execute("add_rest", move, settings=_COPY, columns=", ".join(columns), rest=rest, key=key)

    def _abandon(self, move: Move) -> None:
        """Give a move up: its copies go, and the partitions stay where they are.

        The pairs stay known as archived, so the next move takes them first.
        """
        self._note(move, "abandoned")
        self._wait()
        if any(found.number == move.number and found.switched for found in under_way(self._server)):
            self._finish(move)  # a process that was suspended switched it meanwhile
            return
        if self._execute("any_copied", move):
            self._execute("delete_copies", move, settings=_SYNCHRONOUS)
        self._forget(move)
        log.warning("move_abandoned", number=move.number, project=move.project_id)

    def _put_back(self) -> None:
        """Put back what a process that was suspended let leave by a move that was over."""
        numbers = {move.leaving for move in under_way(self._server)}
        for leaving, ids in self._server.execute(_SQL["leaving_tables"]):
            if leaving in numbers:
                continue
            for partition_id in ids:
                self._server.execute(_SQL["put_back"].format(leaving=leaving), {"id": partition_id})
            self._server.execute(_SQL["drop_leaving"].format(leaving=leaving))

    def _note(self, move: Move, state: str) -> bool:
        """Note a state of a move, and return whether it counts."""
        self._execute("note", move, state=state)
        found = {each.number: each for each in under_way(self._server)}.get(move.number)
        return found is not None and (found.switched if state == "switched" else found.abandoned)

    def _forget(self, move: Move) -> None:
        self._execute("forget", move, settings=_ANY_SIZE)

    def _wait(self) -> None:
        self._lease.require()
        queries.wait_for_earlier(self._server, self._lease.require)

    def _require_settled(self) -> None:
        ((pending,),) = self._server.execute(_SQL["pending"])
        if pending:
            raise NotMovedError("ClickHouse is changing stored rows: releases move when it is done.")
        ((dropping,),) = self._server.execute(_SQL["dropping"])
        if dropping:  # its rows were counted where they are
            raise NotMovedError("A release is still being dropped: others move when that is done.")

    def _columns(self) -> dict[str, str]:
        """Return the columns of a row, quoted, with their types."""
        return {f"`{name}`": stored for name, stored in self._server.execute(_SQL["columns"])}

    def _content(self, statement: str, move: Move) -> _Content:
        ((seen, keys),) = self._execute(statement, move)
        return seen, keys

    def _execute(
        self, statement: str, move: Move, settings: Mapping[str, object] | None = None, **parts: str
    ) -> Iterable[Any]:
        text = _SQL[statement].format_map({"leaving": move.leaving, **parts})
        values = {**move.parameters, "state": parts.get("state", "")}
        found: Iterable[Any] = self._server.execute(text, values, settings=settings)
        return found


def _less(name: str, stored: str) -> str:
    """Return what a column of a row is when the reports with the sign -1 are taken out of it."""
    column = f"r.{name}"
    if name.strip("`") in _KEY:
        return column
    aggregate = _SUMMED.fullmatch(stored)
    if aggregate is None:
        return f"any({column})"
    function, plain = aggregate.groups()
    if function == "sum":
        return f"CAST(sum(r.sign * {column}) AS {plain})"
    return f"{function}({column})"  # of all that has left: what was copied of it adds nothing
