"""Workers and maintenance wait while the database is not that of their release; nothing is lost or blamed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from storage import errors
from storage.schema import files, records
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import older, waiting
from tests.integration.workers import drains
from workers.draining import connections
from workers.process import fairness, maintenance

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from storage.schema import progress
    from tests.helpers import harness

pytestmark = pytest.mark.integration

NEW = [migration.name for migration in migrate.migrations() if migration.name >= "0017"]
FILLED = "0020_finding_days_filled"


class StoppedError(Exception):
    """A migration ends here."""


def stop_before(name: str) -> Callable[[progress.Progress], None]:
    def report(step: progress.Progress) -> None:
        if step.doing == f"Applying {name}":
            raise StoppedError

    return report


def test_batches_wait_until_the_database_is_migrated(
    client: redis.Redis, server: clickhouse.Connection, address: clickhouse.Address
) -> None:
    older.make(server)
    drains.append(client, drains.payload(drains.report()), drains.payload(b"[1]"))
    for name in NEW[: NEW.index(FILLED) + 1]:
        with pytest.raises(StoppedError):
            migrate.apply(address, stop_before(name))
        with pytest.raises(errors.ClickHouseUnavailableError):
            drains.drainer(client, server).drain(drains.SHARD)
        stored = server.execute(
            "SELECT sum(total_rows) FROM system.tables WHERE database = currentDatabase() "
            "AND name IN ('reports', 'reports_live', 'outcomes', 'quarantine', 'finding_days')"
        )
        assert stored == [(0,)]
    assert migrate.apply(address) == [FILLED, *NEW[NEW.index(FILLED) + 1 :]]
    assert drains.drainer(client, server).drain(drains.SHARD).payloads == 2
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (2, 1)


def test_rows_that_a_database_of_another_release_refuses_are_waited_for(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    drains.append_reports(client)
    server.execute("ALTER TABLE reports_live ADD CONSTRAINT later CHECK seen = 0")
    records.begin(server, files.read("0999_later", b""))
    for _ in range(6):
        with pytest.raises(errors.ClickHouseUnavailableError, match="of a newer release"):
            drains.drainer(client, server).drain(drains.SHARD)
    server.execute("RENAME TABLE schema_migrations TO away")
    with pytest.raises(errors.ClickHouseUnavailableError, match="restore that table too"):
        drains.drainer(client, server).drain(drains.SHARD)
    server.execute("RENAME TABLE away TO schema_migrations")
    server.execute("ALTER TABLE reports_live DROP CONSTRAINT later")
    assert drains.drainer(client, server).drain(drains.SHARD).payloads == drains.REPORTS
    assert drains.balanced(server, client).accepted == drains.REPORTS


def test_workers_of_older_releases_wait(server: clickhouse.Connection) -> None:
    """They insert into ``reports``, and ask ``migrations`` whether rows that are refused are to blame."""
    with pytest.raises(clickhouse.QueryError):
        server.execute("INSERT INTO reports (project_id) VALUES", [(1,)])
    server.execute("CREATE TABLE IF NOT EXISTS migrations (name String) ENGINE = MergeTree ORDER BY name")
    for _ in range(2):
        with pytest.raises(clickhouse.QueryError, match="newer release of Headrace"):
            server.execute("SELECT name FROM migrations")


def test_maintenance_removes_nothing_before_the_database_is_migrated(
    redis_server: harness.RedisServer, server: clickhouse.Connection, address: clickhouse.Address
) -> None:
    older.make(server)
    steps: list[list[str]] = []

    def step() -> None:
        steps.append([listed.name for listed in migrate.listing(address) if listed.state != "applied"])

    chore = maintenance.Chore("removal", 0.01, lambda _: step, migrated=True)
    stop, where = threading.Event(), connections.Connections(redis_url=redis_server.url, clickhouse=address)
    doing = threading.Thread(
        target=maintenance.do, args=(chore, where, stop, fairness.Fairness(time.monotonic))
    )
    doing.start()
    try:
        migrate.apply(address)
        waiting.until(lambda: bool(steps), "maintenance goes on")
    finally:
        stop.set()
        doing.join()
    assert steps[0] == [], "it began after the last migration"
