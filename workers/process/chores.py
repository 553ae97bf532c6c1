"""The chores of maintenance: each function takes the stores and returns the step that is repeated.

Every step is idempotent, because several maintenance processes may run at once. A step raises a
``HeadraceError`` or an error of Redis when a store is away; the next step makes up for it.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

import structlog

from storage.archive import archiving, choosing
from storage.findings import due, rebuild
from storage.ledger import marks
from storage.noise import rules_files
from storage.projects import partitions, registry
from storage.quarantine import custody
from storage.removal import deletion, drops, removals, retention
from storage.servers import leases
from storage.tables import refusals
from workers.failures import failpoints
from workers.noise import shipped
from workers.process import dispatcher, fairness, steady_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from storage.servers import clickhouse

    Step = Callable[[], object]

log = structlog.get_logger(__name__)


class Stores(NamedTuple):
    """The connections and shared state of one chore.

    Attributes:
        client: a Redis client of the chore's own, without retries.
        server: a ClickHouse connection of the chore's own, opened on first use.
        shards: number of shards.
        fairness: the decision about noisy projects, which several chores share.
        max_partitions: the most live partitions of all projects.
        archive_after: days without a report after which a release is archived.
    """

    client: redis.Redis
    server: clickhouse.Connection
    shards: int
    fairness: fairness.Fairness
    max_partitions: int = partitions.BUDGET
    archive_after: float = partitions.QUIET_DAYS


def dispatch(stores: Stores) -> Step:
    """Create the drain jobs that are due."""
    fair = stores.fairness
    return dispatcher.Dispatcher(stores.client, stores.shards, time.monotonic, lambda: fair.low_priority).tick


def isolate_noisy_projects(stores: Stores) -> Step:
    """Tell the edges which projects send into isolated streams."""
    return lambda: fairness.update_isolation(stores.client, stores.shards, stores.fairness)


def publish_registry(stores: Stores) -> Step:
    """Publish the registry of ClickHouse in Redis where it differs."""
    source = registry.Registry(stores.server)
    newer: int | None = None

    def publish() -> None:
        nonlocal newer
        newer = source.publish(stores.client, replace=newer)

    return publish


def publish_rules(stores: Stores) -> Step:
    """Tell workers which rules file of noise is in force, where Redis says something else."""
    source = rules_files.RulesFiles(stores.server)
    later: int | None = None

    def publish() -> None:
        nonlocal later
        later = source.publish(stores.client, replace=later)

    return publish


def archive_rules(stores: Stores) -> Step:
    """Store the rules file of this release: rows and unfinished batches name it when the release is gone."""
    source, own = rules_files.RulesFiles(stores.server), shipped.file()
    return lambda: source.archive(own.version, own.sha256, shipped.text(), "shipped")


def move_refusals(stores: Stores) -> Step:
    """Move what the edges refused from Redis to ClickHouse."""
    return lambda: refusals.move(stores.client, stores.server)


def keep_marks(stores: Stores) -> Step:
    """Mark the time in both stores, and log when one of them was restored or emptied."""

    def keep() -> None:
        if restored := marks.compare(stores.client, stores.server):
            log.warning("store_restored", **restored._asdict())

    return keep


def remove_old_reports(stores: Stores) -> Step:
    """Remove the reports that are older than their project keeps them."""
    source = registry.Registry(stores.server)
    clock = steady_clock.SteadyClock(time.monotonic, time.time())

    def remove() -> None:
        projects = source.list()
        if removed := retention.enforce(stores.server, stores.client, stores.shards, projects, clock.trusts):
            log.info("reports_removed", reports=removed)

    return remove


def finish_interrupted(stores: Stores) -> Step:
    """Finish drops of releases that were interrupted, and count the findings again that are due."""
    server, client, shards = stores.server, stores.client, stores.shards

    def finish() -> None:
        if not (due.months(server) or any(removal.dropped for removal in removals.unfinished(server))):
            return
        with contextlib.suppress(leases.LeaseTakenError), leases.hold(client, leases.STORED_ROWS) as lease:
            drops.Dropper(server, client, shards, lease).resume()
            for month in rebuild.finish_due(server, client, shards, lease):
                log.info("findings_counted_again", project=month.project_id, month=month.month)

    return finish


def remove_deleted_projects(stores: Stores) -> Step:
    """Remove the rows of projects that were deleted."""

    def remove() -> None:
        for project_id in deletion.sweep(stores.server, stores.client, stores.shards):
            log.info("deleted_project_swept", project=project_id)

    return remove


def archive_quiet_releases(stores: Stores) -> Step:
    """Move releases into the archive that are quiet, or whose places are needed."""
    source = registry.Registry(stores.server)
    archiver = archiving.Archiver(stores.server, stores.client, stores.shards, failpoints.hit)
    quiet_ms = int(stores.archive_after * choosing.DAY_MS)

    def archive() -> None:
        with contextlib.suppress(leases.LeaseTakenError):  # the next step is soon enough
            moved = archiver.archive_due(source.list(), stores.max_partitions, quiet_ms)
            for project_id, pairs in moved.items():
                log.info("releases_archived", project=project_id, releases=len(pairs))

    return archive


def expire_quarantine(stores: Stores) -> Step:
    """Remove the quarantined rows whose time is over."""
    clock = steady_clock.SteadyClock(time.monotonic, time.time())

    def expire() -> None:
        if expired := custody.expire(stores.server, stores.client, stores.shards, clock.trusts):
            log.info("quarantine_expired", rows=expired)

    return expire
