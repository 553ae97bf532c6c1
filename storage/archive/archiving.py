"""Archiving: what maintenance and commands do to keep the live partitions bounded.

All of it runs under the lease ``leases.STORED_ROWS``, which whatever changes or removes stored reports holds,
too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from storage.archive import books, choosing, moves
from storage.projects import partitions, project_settings
from storage.servers import clickhouse, leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import redis

    from storage.projects import model

BUDGET_S: Final = 300.0
"""Seconds after which a step begins no further move: others want the lease, too."""
DEFAULT: Final = project_settings.ProjectSettings().max_partitions
"""The limit of a project that the registry does not know."""


class Archiver:
    """Moves releases into the archive.

    Args:
        server: a connection that waits for ``clickhouse.MUTATION_S``.
        client: the Redis that holds the queue.
        shards: number of shards.
        reached: called after each step of a move, see ``moves.STEPS``.
    """

    def __init__(
        self,
        server: clickhouse.Connection,
        client: redis.Redis,
        shards: int,
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._server = server
        self._client = client
        self._shards = shards
        self._reached = reached

    def archive_due(
        self, projects: Iterable[model.Project], budget: int, quiet_ms: int
    ) -> dict[int, list[partitions.Pair]]:
        """Move the releases that are quiet, or whose places are needed, and return them by project.

        Args:
            projects: all projects, as they are now.
            budget: the most live partitions of all projects.
            quiet_ms: milliseconds without a report after which a release moves.

        Raises:
            RecoverableError: a store is away or busy; the next call takes up what was interrupted.
            LeaseTakenError: another process changes stored reports just now.
        """
        most = {project.id: project.settings.max_partitions for project in projects}
        limits = choosing.PlaceLimits(most, DEFAULT, budget, quiet_ms)

        def due(known: dict[int, partitions.Places], now_ms: int) -> dict[int, list[partitions.Pair]]:
            return choosing.due(known, limits, now_ms)

        return self._archive(due, wait_s=0.0)

    def archive_now(
        self, project_id: int, chosen: Callable[[partitions.Pair], bool]
    ) -> list[partitions.Pair]:
        """Move the chosen live releases of a project, and return them.

        Raises:
            RecoverableError: as ``archive_due``.
            LeaseTakenError: another process changes stored reports just now.
        """

        def due(known: dict[int, partitions.Places], _now_ms: int) -> dict[int, list[partitions.Pair]]:
            live = known[project_id].live if project_id in known else {}
            pairs = sorted(live, key=lambda pair: (live[pair], pair))
            return {project_id: [pair for pair in pairs if partitions.is_movable(pair) and chosen(pair)]}

        return self._archive(due, wait_s=leases.WAIT_S).get(project_id, [])

    def resume(self, lease: leases.ProcessLease) -> None:
        """Bring moves that were interrupted to an end: before stored reports are changed or removed.

        Args:
            lease: ``leases.STORED_ROWS``, held.

        Raises:
            RecoverableError: a store is away or busy.
            LeaseLostError: another process took the work over.
        """
        moves.Mover(self._server, self._client, self._shards, lease, self._reached).resume()

    def _archive(
        self,
        due: Callable[[dict[int, partitions.Places], int], dict[int, list[partitions.Pair]]],
        wait_s: float,
    ) -> dict[int, list[partitions.Pair]]:
        deadline = time.monotonic() + BUDGET_S
        moved: dict[int, list[partitions.Pair]] = {}
        with leases.hold(self._client, leases.STORED_ROWS, wait_s) as lease:
            mover = moves.Mover(self._server, self._client, self._shards, lease, self._reached)
            mover.resume()
            now_ms = clickhouse.now_ms(self._server)
            found = due(books.reconcile(self._client, self._server, now_ms), now_ms)
            for piece in self._pieces(found):
                if moved and time.monotonic() >= deadline:
                    break
                project_id = piece[0].project_id
                mover.move(project_id, {each.pair: each.partition_id for each in piece})
                moved.setdefault(project_id, []).extend(each.pair for each in piece)
        return moved

    def _pieces(self, found: dict[int, list[partitions.Pair]]) -> Iterator[list[books.Partition]]:
        """Yield the partitions of these pairs, those together that move together."""
        if not found:
            return
        stored = {(each.project_id, each.pair): each for each in books.live(self._server)}
        for project_id, pairs in found.items():
            yield from choosing.pieces(
                stored[project_id, pair] for pair in pairs if (project_id, pair) in stored
            )
