"""The maintenance process: repeats each chore of one table at its own interval.

Several such processes may run at once: every step of a chore is idempotent. Each chore has a thread and
connections of its own, so that a ClickHouse that hangs never delays the dispatch of drain jobs.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from storage import errors
from storage.servers import clickhouse, redis_errors
from storage.tables import migrate
from workers.process import chores, fairness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers.draining import connections

log = structlog.get_logger(__name__)


class Chore(NamedTuple):
    """One kind of work of maintenance.

    Attributes:
        name: as it appears in the log.
        interval_s: seconds between two steps.
        begin: returns the step, for the stores that it is to work on.
        answer_s: how long ClickHouse may take to answer.
        migrated: whether it waits until the database is that of this release: it moves or removes rows.
    """

    name: str
    interval_s: float
    begin: Callable[[chores.Stores], chores.Step]
    answer_s: float = clickhouse.SEND_RECEIVE_TIMEOUT_S
    migrated: bool = False


CHORES: Final = (
    Chore("dispatch", 0.1, chores.dispatch),  # one pipelined round trip
    Chore("fairness", 0.2, chores.isolate_noisy_projects),
    Chore("registry", 1.0, chores.publish_registry),  # a change past Headrace shows within this time
    Chore("rules", 1.0, chores.publish_rules),
    Chore("refusals", 2.0, chores.move_refusals),
    Chore("marks", 5.0, chores.keep_marks),
    Chore("rules archive", 60.0, chores.archive_rules),
    Chore("findings", 2.0, chores.finish_interrupted, clickhouse.MUTATION_S),
    # Most of what is old goes once a day, after a midnight in UTC.
    Chore("retention", 600.0, chores.remove_old_reports, clickhouse.MUTATION_S, migrated=True),
    Chore("deletion", 600.0, chores.remove_deleted_projects, clickhouse.MUTATION_S, migrated=True),
    Chore("archive", 60.0, chores.archive_quiet_releases, clickhouse.MUTATION_S, migrated=True),
    Chore("quarantine", 600.0, chores.expire_quarantine, clickhouse.MUTATION_S, migrated=True),
)
"""Every chore. The first one runs in the main thread: the process ends with it, should it fail unforeseen."""


def run(where: connections.Connections, stop: threading.Event) -> None:
    """Do all chores until ``stop`` is set."""
    fair = fairness.Fairness(time.monotonic)
    first, *others = CHORES
    threads = [
        threading.Thread(target=do, args=(chore, where, stop, fair), name=chore.name, daemon=True)
        for chore in others
    ]
    for thread in threads:
        thread.start()
    do(first, where, stop, fair)
    for thread in threads:
        thread.join(timeout=clickhouse.CONNECT_TIMEOUT_S)


def do(chore: Chore, where: connections.Connections, stop: threading.Event, fair: fairness.Fairness) -> None:
    """Repeat the step of a chore until ``stop`` is set; a store that is away delays it, and nothing else.

    The first failure of several in a row is logged, and the recovery.
    """
    failing = False
    with _stores(chore, where, fair) as stores:
        step = chore.begin(stores)
        while not stop.wait(chore.interval_s):
            try:
                if chore.migrated:
                    migrate.require_applied(stores.server)
                step()
            except (errors.HeadraceError, *redis_errors.FAILURES) as error:
                if not failing:
                    log.warning("chore_postponed", chore=chore.name, error=str(error))
                failing = True
            else:
                if failing:
                    log.info("chore_resumed", chore=chore.name)
                failing = False


@contextlib.contextmanager
def _stores(chore: Chore, where: connections.Connections, fair: fairness.Fairness) -> Iterator[chores.Stores]:
    """Lend a chore its connections, and close them when it ended."""
    server = clickhouse.connect(where.clickhouse, send_receive_timeout=chore.answer_s)
    with contextlib.closing(where.queue_client()) as client, contextlib.closing(server):
        yield chores.Stores(client, server, where.shards, fair, where.max_partitions, where.archive_after)
