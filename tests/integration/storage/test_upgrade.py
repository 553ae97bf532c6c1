"""Data of the release before removals were numbered and the quarantine was counted goes on, and balances."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from storage.ledger import equations
from storage.projects import model, project_settings, registry
from storage.quarantine import custody, quarantined
from storage.queue import streams
from storage.removal import removals, retention
from storage.tables import migrate

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

SHARDS = 16
DAY_MS = retention.DAY_MS


def migrate_to(server: clickhouse.Connection, last: str) -> None:
    """Apply the migrations up to this one, each statement twice."""
    for migration in migrate.migrations():
        if migration.name <= last:
            for statement in migration.statements:
                server.execute(statement)
                server.execute(statement)


@pytest.fixture
def old(address: clickhouse.Address, server: clickhouse.Connection) -> clickhouse.Connection:
    """A database as an older release left it."""
    for table in ("removals", "quarantine", "projects", "departures", "leaving"):
        server.execute(f"DROP TABLE {table}")
    migrate_to(server, "0009_removals")
    assert address.database
    return server


def insert(server: clickhouse.Connection, table: str, **columns: Any) -> None:
    values = [[value] for value in columns.values()]
    server.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES", values, columnar=True)


@pytest.mark.parametrize(
    ("stored", "wanted", "left"),
    [(7, 1, 0), (7, 0, 7), (4, 0, 0), (9, 0, 9), (9, 1, 0)],
    ids=["untouched", "untouched and not wanted", "partly deleted", "more by now", "more by now, and wanted"],
)
def test_a_removal_that_an_older_release_left_is_brought_to_an_end(
    old: clickhouse.Connection, client: redis.Redis, stored: int, wanted: int, left: int
) -> None:
    now_ms = int(time.time() * 1000)
    cutoff = now_ms - 4 * DAY_MS
    insert(old, "projects", id=1, revision=1, name="shop", keys=["k"], status="active", settings="{}")
    for number in range(stored):
        insert(old, "reports", project_id=1, window_start=cutoff - 1, seen=1, identity=number)
    insert(old, "removals", project_id=1, cutoff=cutoff - DAY_MS, reports=11, finished=1)
    insert(old, "removals", project_id=1, cutoff=cutoff, reports=7)
    accepted = 18 if stored <= 7 else 20
    insert(old, "outcomes", project_id=1, minute=now_ms // 1000, outcome="accepted", quantity=accepted)
    client.hincrby(streams.keys(0).ledger, "found:1", accepted)
    migrate_to(old, "0011_departures")
    source = registry.Registry(old)
    settings = project_settings.ProjectSettings(retention=wanted)
    assert retention.cutoff_of(now_ms, 1) > cutoff
    retention.enforce(old, client, SHARDS, [model.Project(id=1, name="shop", keys=(), settings=settings)])
    assert removals.unfinished(old) == []
    assert old.execute("SELECT sum(seen) FROM reports") == [(left,)]
    (line,) = equations.verify(old, client, SHARDS)
    assert (line.balanced, line.accepted) == (True, accepted), line
    assert source.get("shop").removed_before >= 0


def test_rows_in_quarantine_stay_and_are_beside_the_ledger(
    old: clickhouse.Connection, client: redis.Redis
) -> None:
    now_ms = int(time.time() * 1000)
    for age in (0, 1):
        insert(old, "quarantine", received=now_ms - age * DAY_MS, receipt="", project_id=1, raw="x")
    migrate_to(old, "0016_quarantine_slot")
    insert(old, "quarantine", received=now_ms - 20 * DAY_MS, receipt="", project_id=1, raw="x")
    assert old.execute("SELECT count() FROM quarantine WHERE item = 0") == [(3,)]
    assert custody.expire(old, client, SHARDS, lambda _: False) == 0
    assert custody.expire(old, client, SHARDS, lambda _: True) == 1
    assert custody.expire(old, client, SHARDS, lambda _: True) == 0
    (page,) = quarantined.pages(old, quarantined.Selection())
    assert [row.slot for row in page] == [0, 0], "who sent them is unknown"
    assert equations.verify(old, client, SHARDS) == []


def test_rows_of_an_older_release_tell_no_version_of_noise_rules(server: clickhouse.Connection) -> None:
    server.execute("DROP TABLE reports_live")
    migrate_to(server, "0013_allowed")
    insert(server, "reports", project_id=1, identity=1, seen=2)
    migrate_to(server, "0015_noise_rules")
    insert(server, "reports", project_id=1, identity=2, seen=3, noise_version="2026.11.27")
    found = server.execute("SELECT noise_version, sum(seen) FROM violations GROUP BY ALL ORDER BY ALL")
    assert found == [("", 2), ("2026.11.27", 3)]
