"""Migrations, the writer, the registry, the partition guard and refusals against real servers."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import redis.asyncio

from storage import errors
from storage.ledger import equations
from storage.projects import model, registry
from storage.servers import clickhouse
from storage.tables import migrate, refusals, writer
from tests.helpers import waiting

if TYPE_CHECKING:
    import redis as redis_sync

    from tests.helpers import harness


def test_migrations_are_applied_once(address: clickhouse.Address) -> None:
    assert migrate.apply(address) == []


def test_every_column_is_explained(server: clickhouse.Connection) -> None:
    bare = server.execute(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = '' "
        "AND table != 'migrations'"
    )
    assert bare == []


def outcome(quantity: int, project_id: int = 1) -> dict[str, list[Any]]:
    return {
        "minute": [1790000040],
        "project_id": [project_id],
        "key": ["k"],
        "environment": [""],
        "release": [""],
        "kind": ["csp"],
        "outcome": ["accepted"],
        "reason": [""],
        "quantity": [quantity],
    }


def total(server: clickhouse.Connection) -> int:
    return int(server.execute("SELECT sum(quantity) FROM outcomes")[0][0])


def test_a_repeated_insert_is_stored_once(server: clickhouse.Connection) -> None:
    for _ in range(3):
        writer.insert(server, "outcomes", outcome(5), "3:1-0-2-0:outcomes")
    assert total(server) == 5
    writer.insert(server, "outcomes", outcome(2), "3:3-0-4-0:outcomes")
    assert total(server) == 7


def test_an_empty_block_is_no_insert(server: clickhouse.Connection) -> None:
    assert writer.insert(server, "outcomes", {name: [] for name in outcome(1)}, "t") == 0


@pytest.mark.parametrize(
    "columns",
    [
        {**outcome(1), "nonsense": [1]},
        {**outcome(1), "quantity": ["many"]},
        {**outcome(1), "quantity": [-1]},
        {"minute": [1790000040] * (writer.MAX_ROWS + 1)},
    ],
    ids=["unknown column", "wrong type", "out of range", "too many rows"],
)
def test_data_that_will_never_fit_is_refused_and_the_connection_still_works(
    server: clickhouse.Connection, columns: dict[str, list[Any]]
) -> None:
    with pytest.raises(errors.InsertRefusedError, match="outcomes"):
        writer.insert(server, "outcomes", columns, "t")
    assert total(server) == 0


def test_a_dead_clickhouse_is_recoverable() -> None:
    dead = clickhouse.connect(clickhouse.Address("127.0.0.1", 1))
    with pytest.raises(errors.ClickHouseUnavailableError, match=r"127\.0\.0\.1:1 did not answer"):
        dead.execute("SELECT 1")


def test_a_query_error_is_one_sentence(server: clickhouse.Connection) -> None:
    with pytest.raises(clickhouse.QueryError) as caught:
        server.execute("SELECT nothing FROM nowhere")
    assert "\n" not in str(caught.value)
    assert "Stack trace" not in str(caught.value)


def test_projects_are_created_found_and_switched_off(server: clickhouse.Connection) -> None:
    source = registry.Registry(server)
    shop, blog = source.create("shop"), source.create("blog")
    assert (shop.id, blog.id) == (1, 2)
    assert source.get("blog") == source.get("2") == blog
    with pytest.raises(model.ProjectError, match="already"):
        source.create("shop")
    with pytest.raises(model.ProjectError, match="There is no project 'nope'"):
        source.get("nope")
    for name in ("", " ", "17", "x" * 65):
        with pytest.raises(model.ProjectError, match="1 to 64 characters"):
            source.create(name)
    before = source.snapshot().version
    assert source.set_status("shop", "disabled").status == "disabled"
    assert source.get("shop").status == "disabled"
    assert source.snapshot().version > before


def test_of_two_writers_of_one_revision_one_wins(server: clickhouse.Connection) -> None:
    source = registry.Registry(server)
    project = source.create("shop")
    rival = msgspec.structs.replace(project, revision=2, name="rival")
    assert source._write(rival)
    assert not source._write(msgspec.structs.replace(project, revision=2, name="late"))
    assert source.get("1") == rival


def test_a_change_that_another_writer_overtook_is_made_again(server: clickhouse.Connection) -> None:
    source, rival = registry.Registry(server), registry.Registry(server)
    source.create("shop")
    calls: list[int] = []

    def disabled(project: model.Project) -> model.Project:
        if not calls:
            rival.rename("shop", "store")
        calls.append(project.revision)
        return msgspec.structs.replace(project, status="disabled")

    changed = source.change("1", disabled)
    assert (changed.name, changed.status, changed.revision) == ("store", "disabled", 3)
    assert calls == [1, 2]
    assert source.change("1", lambda project: project).revision == 3, "what changes nothing is not stored"


def test_refusals_move_exactly_once(
    server: clickhouse.Connection, client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    key = refusals.RefusalKey(1790000040, 0, "", "", "", "unknown_key")
    other = key._replace(project_id=1, key="k", reason="too_large")

    numbers = itertools.count()

    async def flush(counts: dict[refusals.RefusalKey, int]) -> None:
        async with redis.asyncio.Redis.from_url(redis_server.url) as asynchronous:
            await refusals.flush(asynchronous, refusals.Flush("edge", next(numbers), counts))

    assert refusals.move(client, server) == 0
    asyncio.run(flush({key: 2, other: 1}))
    asyncio.run(flush({key: 3}))
    name = refusals._claim(client)
    assert name
    before: Any = client.hgetall(name)
    assert refusals.move(client, server) == 6
    client.hset(name, mapping=before)  # as if the mover had died between its insert and its clean-up
    client.set(refusals._MOVING, name)
    assert refusals.move(client, server) == 6
    assert refusals.move(client, server) == 0
    rows = server.execute(
        "SELECT minute, project_id, reason, sum(quantity) FROM outcomes GROUP BY ALL ORDER BY 2"
    )
    minute = dt.datetime.fromtimestamp(1790000040, dt.UTC)
    assert rows == [(minute, 0, "unknown_key", 5), (minute, 1, "too_large", 1)]


def test_two_movers_at_once_count_what_was_shed_once(
    server: clickhouse.Connection,
    client: redis_sync.Redis,
    redis_server: harness.RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shed = refusals.RefusalKey(1790000040, 1, "k", "", "", "key_day", refusals.SHED)

    numbers = itertools.count()

    async def flush(quantity: int) -> None:
        async with redis.asyncio.Redis.from_url(redis_server.url) as asynchronous:
            await refusals.flush(asynchronous, refusals.Flush("edge", next(numbers), {shed: quantity}))

    insert = writer.insert

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(writer, "insert", insert)
        assert refusals.move(client, server) == 5
        asyncio.run(flush(2))
        insert(*arguments)

    asyncio.run(flush(5))
    monkeypatch.setattr(writer, "insert", overtaken)
    refusals.move(client, server)
    assert refusals.move(client, server) == 2
    (line,) = equations.verify(server, client, 16)
    assert (line.found, line.outcomes) == (7, 7)


def test_the_ledger_compares_queue_and_tables(
    server: clickhouse.Connection, client: redis_sync.Redis
) -> None:
    client.hset("headrace:{2}:ledger", mapping={"acknowledged:1": 3, "committed:1": 2, "found:1": 5})
    writer.insert(server, "outcomes", outcome(4), "t")
    (line,) = equations.verify(server, client, 16)
    assert line == equations.Line(
        project_id=1,
        acknowledged=3,
        committed=2,
        found=5,
        outcomes=4,
        accepted=4,
        seen=0,
        findings=0,
        stranded={2: 1},
    )
    assert (line.backlog, line.balanced) == (1, False)
    assert [(each.equation, each.amount) for each in line.differences] == [
        ("payloads", 1),
        ("outcomes", 1),
        ("reports", 4),
        ("findings", 4),
    ]


OLD_ROWS = [
    # policy allows a URL, policy allows code, and neither
    (1, "https://a.example/x", "a.example", 1),
    (2, "inline", "", 1),
    (3, "https://b.example/x", "b.example", 0),
]


def test_what_older_rows_call_impossible_may_be_a_redirect(server: clickhouse.Connection) -> None:
    (allowed,) = (migration for migration in migrate.migrations() if migration.name == "0013_allowed")
    server.execute("DROP TABLE reports")
    server.execute("RENAME TABLE reports_live TO reports")
    server.execute("ALTER TABLE reports DROP COLUMN allowed SETTINGS mutations_sync = 2")
    server.execute("INSERT INTO reports (identity, blocked, blocked_host, impossible) VALUES", OLD_ROWS)
    for statement in allowed.statements:
        server.execute(statement)
    unfinished = "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done"
    waiting.until(lambda: server.execute(unfinished) == [(0,)], "the rows are labelled anew")
    found = "SELECT impossible, allowed FROM reports ORDER BY identity"
    assert server.execute(found) == [(0, 1), (1, 1), (0, 0)]


def test_what_is_impossible_is_also_allowed(server: clickhouse.Connection) -> None:
    server.execute("INSERT INTO reports_live (identity, blocked, blocked_host, impossible) VALUES", OLD_ROWS)
    found = "SELECT impossible, allowed FROM reports ORDER BY identity"
    assert server.execute(found) == [(1, 1), (1, 1), (0, 0)]
