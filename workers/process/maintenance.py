"""The maintenance process: dispatches drain jobs, serves the registry, moves refusals, removes what is old.

Several may run at once: every step is idempotent. Dispatching has a thread of its own, so that a ClickHouse
that hangs never delays it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from storage import errors
from storage.ledger import marks
from storage.projects import registry
from storage.quarantine import custody
from storage.removal import deletion, retention
from storage.servers import clickhouse, redis_errors
from storage.tables import refusals
from workers.process import fairness
from workers.process import sweeper as dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.draining import connections

log = structlog.get_logger(__name__)

DISPATCH_S: Final = 0.1
"""How often shards are looked at: one pipelined round trip."""
FAIRNESS_S: Final = 0.2
"""How often each project's backlog is looked at."""
REGISTRY_S: Final = 1.0
"""How often the registry is compared with Redis; a change made behind our back shows within this time."""
REFUSALS_S: Final = 2.0
"""How often the edges' refusals move to ClickHouse."""
MARKS_S: Final = 5.0
"""How often it is looked whether Redis and ClickHouse still stand at the same time."""
RETENTION_S: Final = 600.0
"""How often what is old or deleted is looked for; most goes once a day, after a midnight in UTC."""
MUTATION_S: Final = 3600.0
"""How long deleting rows may take."""
SKEW_MS: Final = 3_600_000
"""Nothing is removed by a clock that went faster than this from one look to the next: it was set."""


def run(where: connections.Connections, stop: threading.Event) -> None:
    """Do all of it until ``stop`` is set."""
    judge = fairness.Fairness(time.monotonic)
    chores = [
        threading.Thread(target=_publish_registry, args=(where, stop), name="registry", daemon=True),
        threading.Thread(target=_be_fair, args=(where, stop, judge), name="fairness", daemon=True),
        threading.Thread(target=_move_refusals, args=(where, stop), name="refusals", daemon=True),
        threading.Thread(target=_keep_marks, args=(where, stop), name="marks", daemon=True),
        threading.Thread(target=_remove_old, args=(where, stop), name="retention", daemon=True),
        threading.Thread(target=_sweep, args=(where, stop), name="deletion", daemon=True),
        threading.Thread(target=_expire_quarantine, args=(where, stop), name="quarantine", daemon=True),
    ]
    for chore in chores:
        chore.start()
    _dispatch(where, stop, judge)
    for chore in chores:
        chore.join(timeout=clickhouse.CONNECT_TIMEOUT_S)


def _dispatch(where: connections.Connections, stop: threading.Event, judge: fairness.Fairness) -> None:
    client = where.queue_client()
    sweeper = dispatcher.Sweeper(client, where.shards, time.monotonic, lambda: judge.patient)
    _repeat("dispatch", DISPATCH_S, stop, sweeper.tick)
    client.close()


def _be_fair(where: connections.Connections, stop: threading.Event, judge: fairness.Fairness) -> None:
    client = where.queue_client()
    _repeat("fairness", FAIRNESS_S, stop, lambda: fairness.step(client, where.shards, judge))
    client.close()


def _publish_registry(where: connections.Connections, stop: threading.Event) -> None:
    client = where.queue_client()
    server = clickhouse.connect(where.clickhouse)
    source = registry.Registry(server)
    newer: int | None = None

    def publish() -> None:
        nonlocal newer
        newer = source.publish(client, replace=newer)

    _repeat("registry", REGISTRY_S, stop, publish)
    server.close()
    client.close()


def _move_refusals(where: connections.Connections, stop: threading.Event) -> None:
    client = where.queue_client()
    server = clickhouse.connect(where.clickhouse)
    _repeat("refusals", REFUSALS_S, stop, lambda: refusals.move(client, server))
    server.close()
    client.close()


def _keep_marks(where: connections.Connections, stop: threading.Event) -> None:
    client = where.queue_client()
    server = clickhouse.connect(where.clickhouse)

    def keep() -> None:
        found = marks.keep(client, server)
        if found:
            log.warning("store_restored", **found._asdict())

    _repeat("marks", MARKS_S, stop, keep)
    server.close()
    client.close()


class SteadyClock:
    """Tells whether a clock goes on as it should: who sets it ahead for a moment must not have it believed.

    Args:
        monotonic: seconds by a clock that nobody sets.
        wall: seconds since the epoch by this machine's clock, now.
    """

    def __init__(self, monotonic: Callable[[], float], wall: float) -> None:
        self._monotonic = monotonic
        self._seen = (monotonic(), int(wall * 1000))

    def trusts(self, now_ms: int) -> bool:
        """Return whether so much time may have passed since the last look (milliseconds since the epoch)."""
        (before, before_ms), now = self._seen, self._monotonic()
        self._seen = (now, now_ms)
        return now_ms - before_ms <= (now - before) * 1000 + SKEW_MS


def _remove_old(where: connections.Connections, stop: threading.Event) -> None:
    client = where.queue_client()
    server = clickhouse.connect(where.clickhouse, send_receive_timeout=MUTATION_S)
    source = registry.Registry(server)
    clock = SteadyClock(time.monotonic, time.time())

    def remove() -> None:
        removed = retention.enforce(server, client, where.shards, source.list(), clock.trusts)
        if removed:
            log.info("reports_removed", reports=removed)

    _repeat("retention", RETENTION_S, stop, remove)
    server.close()
    client.close()


def _sweep(where: connections.Connections, stop: threading.Event) -> None:
    client = where.queue_client()
    server = clickhouse.connect(where.clickhouse, send_receive_timeout=MUTATION_S)

    def sweep() -> None:
        for project_id in deletion.sweep(server, client, where.shards):
            log.info("deleted_project_swept", project=project_id)

    _repeat("deletion", RETENTION_S, stop, sweep)
    server.close()
    client.close()


def _expire_quarantine(where: connections.Connections, stop: threading.Event) -> None:
    client = where.queue_client()
    server = clickhouse.connect(where.clickhouse, send_receive_timeout=MUTATION_S)
    clock = SteadyClock(time.monotonic, time.time())

    def expire() -> None:
        expired = custody.expire(server, client, where.shards, clock.trusts)
        if expired:
            log.info("quarantine_expired", rows=expired)

    _repeat("quarantine", RETENTION_S, stop, expire)
    server.close()
    client.close()


def _repeat(chore: str, interval_s: float, stop: threading.Event, step: Callable[[], object]) -> None:
    """Run a step again and again; a dependency that is away delays it, and nothing else.

    The first failure of a row is logged, and the recovery.
    """
    failing = False
    while not stop.wait(interval_s):
        try:
            step()
        except (errors.HeadraceError, *redis_errors.FAILURES) as error:
            if not failing:
                log.warning("chore_postponed", chore=chore, error=str(error))
            failing = True
        else:
            if failing:
                log.info("chore_resumed", chore=chore)
            failing = False
