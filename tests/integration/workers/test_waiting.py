"""Batches wait while no data is to blame: no payload is quarantined, and none is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from storage import errors
from storage.ledger import equations
from storage.projects import model, project_settings, registry
from storage.queue import batches
from storage.servers import clickhouse
from storage.tables import writer
from tests.integration.workers import drains
from workers.draining import drain

if TYPE_CHECKING:
    import redis


def drain_with(client: redis.Redis, server: clickhouse.Connection) -> drain.Drained:
    return drain.Drainer(batches.Queue(client), client, server, time.monotonic).drain(drains.SHARD)


FILLED = [table for table in drain.TABLES if table != "archived"]
"""Tables that get rows of a report that is of no archived release."""


@pytest.mark.parametrize("table", FILLED)
def test_a_missing_table_is_waited_for(
    client: redis.Redis, server: clickhouse.Connection, table: str
) -> None:
    drains.append(client, drains.payload(drains.report()), drains.payload(b"[1]"))
    stored_in = writer.STORED_IN.get(table, table)
    server.execute(f"RENAME TABLE {stored_in} TO away")
    for _ in range(6):
        with pytest.raises(errors.ClickHouseUnavailableError, match=r"does not (let us insert|tell)"):
            drain_with(client, server)
    server.execute(f"RENAME TABLE away TO {stored_in}")
    assert drain_with(client, server).payloads == 2
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (2, 1)


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"user": "nobody"}, {"database": "nowhere"}])
def test_a_wrong_address_is_waited_for(
    client: redis.Redis, server: clickhouse.Connection, address: clickhouse.Address, change: dict[str, str]
) -> None:
    drains.append(client, drains.payload(drains.report()))
    wrong = clickhouse.connect(msgspec.structs.replace(address, **change))
    for _ in range(6):
        with pytest.raises(errors.ClickHouseUnavailableError):
            drain_with(client, wrong)
    assert equations.backlog(client, drains.SHARDS) == 1
    assert drain_with(client, server).payloads == 1
    assert drains.balanced(server, client).accepted == 1


def test_rows_that_cannot_be_tried_are_waited_for(address: clickhouse.Address) -> None:
    server = clickhouse.connect(address)
    with pytest.raises(errors.ClickHouseUnavailableError, match="does not let us try"):
        writer.probe(server, "no_such_table", {"a": [1]})
    server.close()


def test_settings_are_waited_for_while_redis_holds_no_registry(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    project = model.Project(
        id=1,
        name="shop",
        keys=("key",),
        settings=project_settings.ProjectSettings(allowed_origins=("https://a.test",)),
    )
    drains.append(client, drains.payload(drains.report()))
    client.delete(registry.SNAPSHOT_KEY)
    with pytest.raises(errors.RecoverableError, match="holds no project registry yet"):
        drain_with(client, server)
    snapshot = model.Snapshot(version=2, projects=(project,))
    client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(snapshot))
    assert drain_with(client, server).payloads == 1
    assert drains.counted(server) == {("filtered", "origin"): 1}
    assert drains.balanced(server, client).found == 1


@pytest.mark.parametrize("code", [76, 425, 999, 1001])
def test_a_server_whose_machine_fails_is_waited_for(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Too many open files, a broken disk: every row is refused then, and none of them is to blame."""
    settings = {**writer._SETTINGS, "allow_custom_error_code_in_throwif": 1}
    monkeypatch.setattr(writer, "_SETTINGS", settings)
    drains.append(client, *(drains.payload(drains.report(number)) for number in range(3)))
    check = f"throwIf(seen > 0, 'Cannot open file', toInt16({code})) = 0"
    server.execute(
        f"ALTER TABLE reports_live ADD CONSTRAINT machine CHECK {check}",
        settings={"allow_custom_error_code_in_throwif": 1},
    )
    for _ in range(6):
        with pytest.raises(errors.ClickHouseUnavailableError):
            drain_with(client, server)
    server.execute("ALTER TABLE reports_live DROP CONSTRAINT machine")
    assert drain_with(client, server).payloads == 3
    assert drains.balanced(server, client).accepted == 3


def test_a_view_that_fails_on_rows_that_are_stored_already_is_waited_for(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    server.execute("CREATE TABLE pages (document String, failing UInt8) ENGINE = MergeTree ORDER BY document")
    query = "SELECT document, throwIf(seen > 0) AS failing FROM reports_live"
    server.execute(f"CREATE MATERIALIZED VIEW broken TO pages AS {query}")
    for number in range(4):
        drains.append(client, drains.payload(drains.report(number), release=f"1.{number % 2}"))
    for _ in range(5):
        with pytest.raises(errors.ClickHouseUnavailableError, match="while pushing to view"):
            drain_with(client, server)
    server.execute("DROP TABLE broken")
    assert drain_with(client, server).payloads == 4
    assert drains.balanced(server, client).accepted == 4
