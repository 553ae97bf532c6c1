"""Moves into the archive: a query finds each report once, whatever is killed or comes in meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from storage.archive import books, moves
from storage.projects import partitions
from storage.servers import leases
from tests.helpers import harness, stored
from tests.integration.storage import archives
from workers.failures import failpoints

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration


class Killed(BaseException):
    """The process died here."""


def live_releases(server: clickhouse.Connection) -> set[str]:
    """Return the releases that have a live partition."""
    return {partition.pair[1] for partition in books.live(server)}


def scalar(server: clickhouse.Connection, statement: str) -> Any:
    """Return the only value of an answer."""
    ((value,),) = server.execute(statement)
    return value


class Dying:
    """Dies after one step of a move."""

    def __init__(self, step: str) -> None:
        self._step = step

    def __call__(self, step: str) -> None:
        """Pass a step."""
        if step == self._step:
            raise Killed


def nothing_is_left(server: clickhouse.Connection) -> None:
    """Check that no move is under way, and that its table is gone."""
    assert moves.under_way(server) == []
    tables = (
        "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%leaving\\_%'"
    )
    assert scalar(server, tables) == 0


def test_releases_move_and_every_question_has_the_same_answer(
    client: redis.Redis, server: clickhouse.Connection, address: clickhouse.Address
) -> None:
    archives.fill(server)
    archives.fill(server, project_id=2)
    archives.know(client, server)
    right = archives.answers(server)
    with archives.Readers(address, right).asking():
        assert archives.archive(server, client, "r0", "r2") == [("prod", "r0"), ("prod", "r2")]
    assert archives.answers(server) == right
    assert [each.pair[1] for each in books.live(server) if each.project_id == 1] == ["r1", "r3"]
    nothing_is_left(server)
    assert set(partitions.places(client)[1].live) == {("prod", "r1"), ("prod", "r3")}
    assert set(client.zrange("headrace:archived:1", 0, -1)) == {b'["prod","r0"]', b'["prod","r2"]'}
    assert archives.archive(server, client, "r0") == [], "it is in the archive already"


@pytest.mark.parametrize("step", moves.STEPS)
def test_a_move_that_is_interrupted_after_any_step_is_brought_to_its_end(
    step: str, client: redis.Redis, server: clickhouse.Connection, address: clickhouse.Address
) -> None:
    archives.fill(server)
    archives.know(client, server)
    right = archives.answers(server)
    with archives.Readers(address, right).asking():
        with pytest.raises(Killed):
            archives.archiver(server, client, Dying(step)).archive_now(1, lambda pair: pair[1] == "r1")
        archives.archive(server, client, "r1")
    assert archives.answers(server) == right
    assert live_releases(server) == {"r0", "r2", "r3"}
    assert scalar(server, "SELECT count() > 0 FROM reports_archive WHERE release = 'r1'")
    nothing_is_left(server)
    assert ("prod", "r1") not in partitions.places(client)[1].live


def test_a_process_that_is_killed_in_a_move_leaves_nothing_undone(
    client: redis.Redis,
    server: clickhouse.Connection,
    address: clickhouse.Address,
    redis_server: harness.RedisServer,
) -> None:
    archives.fill(server)
    archives.know(client, server)
    right = archives.answers(server)
    with archives.Readers(address, right).asking():
        for release, step in (("r1", "move_copied"), ("r2", "move_leaving")):
            arguments = [redis_server.url, msgspec.json.encode(address).decode(), release, f"{step}=kill@1"]
            command = [sys.executable, "-P", "-m", "tests.integration.storage.archive_process", *arguments]
            environment = {**os.environ, "PYTHONPATH": str(harness.ROOT)}
            killed = subprocess.run(command, check=False, env=environment, capture_output=True)
            assert killed.returncode == -signal.SIGKILL, killed.stderr
            assert len(moves.under_way(server)) == 1
            client.delete(f"headrace:lease:{leases.STORED_ROWS}")  # as if it had expired
            archives.archive(server, client)
            assert release not in live_releases(server)
    assert archives.answers(server) == right
    nothing_is_left(server)


def test_the_failpoints_are_those_of_a_move() -> None:
    assert set(moves.STEPS) <= set(failpoints.POINTS)


def test_what_comes_in_behind_a_copy_is_kept_though_redis_lost_all_marks(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    archives.fill(server, releases=len(moves.STEPS), rows=16)
    archives.know(client, server)
    sums = "SELECT sum(seen), sum(weight) FROM reports"
    ((seen, weight),) = server.execute(sums)
    for number, step in enumerate(moves.STEPS):
        pair = ("prod", f"r{number}")

        def late(reached: str, pair: partitions.Pair = pair, step: str = step) -> None:
            if reached == step:
                earlier = {**archives.row(pair, 3, seen=5), "first_seen": 7}
                stored.insert(server, [earlier, archives.row(pair, 777, seen=2)])

        archiver = archives.archiver(server, client, late)
        with contextlib.suppress(moves.NotMovedError):
            archiver.archive_now(1, {pair}.__contains__)
        archives.archive(server, client, pair[1])
        seen, weight = seen + 7, weight + 7 * 1.5
        assert server.execute(sums) == [(seen, weight)], step
        found = server.execute(
            "SELECT identity, min(first_seen) < '1970-01-02', any(raw) FROM reports"
            " WHERE release = %(release)s AND identity IN (3, 777) GROUP BY identity ORDER BY identity",
            {"release": pair[1]},
        )
        assert found == [(3, 1, "raw 3"), (777, 0, "raw 777")], step
        assert pair[1] not in live_releases(server), step
    nothing_is_left(server)


def test_what_a_suspended_process_let_leave_is_put_back(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    archives.fill(server)
    archives.know(client, server)
    right = archives.answers(server)
    (found,) = [each for each in books.live(server) if each.pair[1] == "r1"]
    server.execute("CREATE TABLE reports_leaving_5 AS reports_live")
    server.execute(
        f"ALTER TABLE reports_live MOVE PARTITION ID '{found.partition_id}' TO TABLE reports_leaving_5"
    )
    assert archives.answers(server) != right
    archives.archive(server, client)
    assert archives.answers(server) == right
    nothing_is_left(server)


def test_a_move_waits_until_stored_rows_are_settled(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    archives.fill(server, rows=8)
    archives.know(client, server)
    failing = "ALTER TABLE reports_live UPDATE noise = throwIf(1, 'never') WHERE release = 'r3'"
    server.execute(failing, settings={"mutations_sync": 0})
    with pytest.raises(moves.NotMovedError, match="changing stored rows"):
        archives.archive(server, client, "r1")
    assert moves.under_way(server) == []
    server.execute("KILL MUTATION WHERE database = currentDatabase() SYNC")
    assert archives.archive(server, client, "r1") == [("prod", "r1")]
