"""Data of every older release goes on: it says what it said, and balances."""

from __future__ import annotations

import secrets
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from storage.ledger import equations
from storage.projects import model, project_settings, registry
from storage.quarantine import custody, quarantined
from storage.queue import streams
from storage.removal import removals, retention
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import invariant, older, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.helpers import harness

pytestmark = pytest.mark.integration

SHARDS = 16
DAY_MS = retention.DAY_MS


@pytest.fixture
def address(clickhouse_server: harness.ClickHouseServer) -> Iterator[clickhouse.Address]:
    """A database without tables."""
    here = msgspec.structs.replace(clickhouse_server.address, database=f"test_{secrets.token_hex(4)}")
    outside = clickhouse.connect(msgspec.structs.replace(here, database="default"))
    outside.execute(f"CREATE DATABASE {here.database}")
    yield here
    outside.execute(f"DROP DATABASE {here.database}")
    outside.close()


@pytest.fixture
def old(server: clickhouse.Connection) -> clickhouse.Connection:
    """A database as the release before removals were numbered left it."""
    older.make(server, older.until("0009"))
    return server


def insert(server: clickhouse.Connection, table: str, **columns: Any) -> None:
    values = [[value] for value in columns.values()]
    server.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES", values, columnar=True)


@pytest.mark.parametrize(
    "numbers",
    [(7, 1, 0), (7, 0, 7), (4, 0, 0), (9, 0, 9), (9, 1, 0)],
    ids=["untouched", "untouched and not wanted", "partly deleted", "more by now", "more by now, and wanted"],
)
def test_a_removal_that_an_older_release_left_is_brought_to_an_end(
    old: clickhouse.Connection,
    address: clickhouse.Address,
    client: redis.Redis,
    numbers: tuple[int, int, int],
) -> None:
    rows, wanted, left = numbers
    now_ms = int(time.time() * 1000)
    cutoff = retention.cutoff_of(now_ms, 3)
    insert(old, "projects", id=1, revision=1, name="shop", keys=["k"], status="active", settings="{}")
    for number in range(rows):
        insert(old, "reports", project_id=1, window_start=cutoff - 1, seen=1, identity=number)
    insert(old, "removals", project_id=1, cutoff=cutoff - DAY_MS, reports=11, finished=1)
    insert(old, "removals", project_id=1, cutoff=cutoff, reports=7)
    accepted = 18 if rows <= 7 else 20
    insert(old, "outcomes", project_id=1, minute=now_ms // 1000, outcome="accepted", quantity=accepted)
    client.hincrby(streams.keys(0).ledger, "found:1", accepted)
    migrate.apply(address)
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
    old: clickhouse.Connection, address: clickhouse.Address, client: redis.Redis
) -> None:
    now_ms = int(time.time() * 1000)
    for age in (0, 1):
        insert(old, "quarantine", received=now_ms - age * DAY_MS, receipt="", project_id=1, raw="x")
    migrate.apply(address)
    insert(old, "quarantine", received=now_ms - 20 * DAY_MS, receipt="", project_id=1, raw="x")
    assert old.execute("SELECT count() FROM quarantine WHERE item = 0") == [(3,)]
    assert custody.expire(old, client, SHARDS, lambda _: False) == 0
    assert custody.expire(old, client, SHARDS, lambda _: True) == 1
    assert custody.expire(old, client, SHARDS, lambda _: True) == 0
    (page,) = quarantined.pages(old, quarantined.Selection())
    assert [row.slot for row in page] == [0, 0], "who sent them is unknown"
    assert equations.verify(old, client, SHARDS) == []


def test_rows_of_an_older_release_tell_no_version_of_noise_rules(
    server: clickhouse.Connection, address: clickhouse.Address
) -> None:
    older.make(server, older.until("0013"))
    insert(server, "reports", project_id=1, identity=1, seen=2)
    migrate.apply(address)
    insert(server, "reports_live", project_id=1, identity=2, seen=3, noise_version="2026.11.27")
    found = server.execute("SELECT noise_version, sum(seen) FROM violations GROUP BY ALL ORDER BY ALL")
    assert found == [("", 2), ("2026.11.27", 3)]


_CONTENTS: Final = {
    "reports": "*",
    "finding_days": "*",
    "policy_days": "*",
    "outcomes": "*",
    "policies": "*",
    "projects": "* EXCEPT changed_at",
    "quarantine": "* EXCEPT received",
    "receipts": "* EXCEPT (ms, committed)",
}
"""What is compared of each table; views say the same if their texts and the tables are the same."""
_SCHEMA: Final = """
SELECT name, replaceAll(create_table_query, currentDatabase(), '') FROM system.tables
WHERE database = currentDatabase() ORDER BY name
"""


def upgraded(address: clickhouse.Address, client: redis.Redis, state: str) -> dict[str, list[Any]]:
    """Return what a database in a state holds once it is up to date, and what is wrong with its books."""
    here = msgspec.structs.replace(address, database=f"test_{secrets.token_hex(4)}")
    outside, server = clickhouse.connect(address), clickhouse.connect(here)
    outside.execute(f"CREATE DATABASE {here.database}")
    older.make(server, state)
    older.fill(server)
    migrate.apply(here)
    found = contents(server)
    found["differences"] = invariant.differences(server)
    found["unbalanced"] = [line for line in equations.verify(server, client, SHARDS) if not line.balanced]
    outside.execute(f"DROP DATABASE {here.database}")
    for connection in (outside, server):
        connection.close()
    return found


def contents(server: clickhouse.Connection) -> dict[str, list[Any]]:
    tables = {
        table: server.execute(f"SELECT {columns} FROM {table} ORDER BY ALL")  # noqa: S608 - our own names
        for table, columns in _CONTENTS.items()
    }
    return {**tables, "schema": server.execute(_SCHEMA)}


def test_a_database_of_every_older_release_ends_as_one_that_is_new(
    address: clickhouse.Address, server: clickhouse.Connection, client: redis.Redis
) -> None:
    migrate.apply(address)
    older.fill(server, "reports_live")
    stored.count_findings(server)
    wanted = contents(server) | {"differences": [], "unbalanced": []}
    assert all(rows for table, rows in wanted.items() if table in _CONTENTS)
    for project, accepted in server.execute("SELECT project_id, sum(seen) FROM reports GROUP BY project_id"):
        client.hincrby(streams.keys(0).ledger, f"found:{project}", accepted)
    with futures.ThreadPoolExecutor(4) as together:
        found = together.map(lambda state: upgraded(address, client, state), older.STATES)
        for state, each in zip(older.STATES, found, strict=True):
            has_receipts = "0007" in state
            for table, rows in each.items():
                if table != "receipts" or has_receipts:
                    assert rows == wanted[table], (state, table)
