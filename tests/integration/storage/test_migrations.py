"""Migrations that are killed, meet each other, fail, or meet a database of another release."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import secrets
import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from storage import errors
from storage.schema import claims, files, records
from storage.schema import pieces as schema_pieces
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import older, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from storage.schema import progress
    from tests.helpers import harness

NAMES = [migration.name for migration in migrate.migrations()]
NEW = [name for name in NAMES if name >= "0017"]
_SCHEMA = """
SELECT name, replaceAll(create_table_query, currentDatabase(), '') FROM system.tables
WHERE database = currentDatabase() ORDER BY name
"""
_ENGINES = "SELECT name, engine FROM system.tables WHERE database = currentDatabase()"
_INSERTS = """
SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND current_database = currentDatabase()
"""
_FILLED = {
    "finding_days": "SELECT * FROM finding_days ORDER BY ALL",
    "policy_days": "SELECT * FROM policy_days ORDER BY ALL",
}


class Killed(BaseException):
    """What a process sees of its own death here: nothing works any more."""


@pytest.fixture
def empty(clickhouse_server: harness.ClickHouseServer) -> Iterator[clickhouse.Address]:
    """A database without tables."""
    address = msgspec.structs.replace(clickhouse_server.address, database=f"test_{secrets.token_hex(4)}")
    bootstrap = clickhouse.connect(msgspec.structs.replace(address, database="default"))
    bootstrap.execute(f"CREATE DATABASE `{address.database}`")
    yield address
    bootstrap.execute(f"DROP DATABASE `{address.database}`")
    bootstrap.close()


@pytest.fixture
def old(empty: clickhouse.Address) -> Iterator[clickhouse.Connection]:
    """A database as the last release without checksums left it, with reports in it."""
    server = clickhouse.connect(empty)
    older.make(server)
    older.fill(server)
    yield server
    server.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take whoever has not said that he lives since the last look for dead."""
    monkeypatch.setattr(claims, "LOOK_S", 0.0)
    monkeypatch.setattr(claims, "LOOKS", 1)
    monkeypatch.setattr(claims, "STALE_S", 0.0)


def schema(address: clickhouse.Address) -> list[tuple[str, str]]:
    server = clickhouse.connect(address)
    found: list[tuple[str, str]] = server.execute(_SCHEMA)
    server.close()
    assert all(listed.state == "applied" for listed in migrate.listing(address))
    return found


def filled(server: clickhouse.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: server.execute(query) for table, query in _FILLED.items()}


@dataclasses.dataclass
class Mortal:
    """Lets connections of the main thread work until a statement that no one before has come to.

    ``lives`` is how many have died; ``gone_through`` are the statements that were executed by then.
    """

    real: Callable[..., Any]
    gone_through: set[str] = dataclasses.field(default_factory=set)
    lives: int = 0
    dead: bool = False

    def method(self) -> Callable[..., Any]:
        """Return what stands in for the method of connections."""

        def execute(server: clickhouse.Connection, *given: Any, **named: Any) -> Any:
            return self.execute(server, *given, **named)

        return execute

    def execute(self, server: clickhouse.Connection, sql: str, *arguments: Any, **named: Any) -> Any:
        if threading.current_thread() is not threading.main_thread() or sql.startswith(("SELECT", "EXISTS")):
            return self.real(server, sql, *arguments, **named)
        if self.dead:
            raise Killed
        found = self.real(server, sql, *arguments, **named)
        statement = re.sub(r"_[0-9a-f]{8}\b|migrating_\d+", "", f"{sql} {arguments}")
        if statement not in self.gone_through:
            self.gone_through.add(statement)
            self.lives, self.dead = self.lives + 1, True
            raise Killed
        return found


def assert_workers_wait(server: clickhouse.Connection) -> None:
    """Check that no release stores anything that findings would miss, or would count twice.

    Workers of older releases insert into ``reports``. What is refused there, they quarantine unless the table
    ``migrations`` does not tell them that they are up to date. Workers of this release insert into
    ``finding_days`` first, and wait while it is missing.
    """
    engines = dict(server.execute(_ENGINES))
    if engines.get("reports") == "View":
        with pytest.raises(clickhouse.QueryError):
            server.execute("SELECT name FROM migrations")
    if "finding_days" in engines:
        assert counted(server) == server.execute("SELECT sum(seen) FROM reports")


def counted(server: clickhouse.Connection) -> list[tuple[int]]:
    found: list[tuple[int]] = server.execute("SELECT sum(seen) FROM finding_days")
    return found


@pytest.mark.usefixtures("hasty")
def test_a_run_that_was_killed_after_any_statement_is_taken_up(
    old: clickhouse.Connection,
    empty: clickhouse.Address,
    address: clickhouse.Address,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schema_pieces, "MOST_PIECES", 2)
    unbroken = msgspec.structs.replace(address, database=f"{empty.database}_unbroken")
    bootstrap = clickhouse.connect(address)
    bootstrap.execute(f"CREATE DATABASE {unbroken.database}")
    twin = clickhouse.connect(unbroken)
    older.make(twin)
    older.fill(twin)
    assert migrate.apply(unbroken) == NEW
    mortal = Mortal(clickhouse.Connection.execute)
    with monkeypatch.context() as patch:
        patch.setattr(clickhouse.Connection, "execute", mortal.method())
        while True:
            mortal.dead = False
            try:
                migrate.apply(empty)
                break
            except Killed:
                assert_workers_wait(old)
    assert mortal.lives > 3 * len(NEW)
    assert schema(empty) == schema(unbroken) == schema(address)
    assert filled(old) == filled(twin)
    assert counted(old) == old.execute("SELECT sum(seen) FROM reports")
    bootstrap.execute(f"DROP DATABASE {unbroken.database}")
    bootstrap.close()
    twin.close()


@pytest.mark.parametrize("state", ["", older.LAST], ids=["an empty one", "one of an older release"])
def test_several_migrate_a_database_at_once(
    empty: clickhouse.Address, address: clickhouse.Address, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(claims, "LOOK_S", 0.05)
    if state:
        server = clickhouse.connect(empty)
        older.make(server, state)
        server.close()
    told: list[str] = []
    with futures.ThreadPoolExecutor() as together:
        runs = [together.submit(migrate.apply, empty, lambda step: told.append(step.doing)) for _ in range(4)]
        done = [run.result() for run in runs]
    assert sorted(name for names in done for name in names) == (NEW if state else NAMES)
    assert [name for name in done if name] == [NEW if state else NAMES], "one did it all"
    assert any("is at work" in sentence for sentence in told)
    assert schema(empty) == schema(address)


def test_a_holder_that_does_not_live_is_taken_over_and_one_that_lives_is_not(
    empty: clickhouse.Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "LOOK_S", 0.05)
    monkeypatch.setattr(claims, "STALE_S", 1.0)
    server = clickhouse.connect(empty)
    server.execute("CREATE TABLE migrating_9 (beat DateTime64(3)) ENGINE = Memory COMMENT 'somebody'")
    beats = iter(range(30))

    def live(step: progress.Progress) -> None:
        if "somebody" in step.doing and next(beats, None) is not None:
            server.execute("INSERT INTO migrating_9 SELECT now64(3)")

    assert migrate.apply(empty, live) == NAMES
    assert next(beats, None) is None, "it was alive for as long as it said so"
    assert server.execute("SELECT name FROM system.tables WHERE name LIKE 'migrating%'") == []
    server.close()


@pytest.mark.usefixtures("hasty")
def test_a_holder_that_was_taken_over_ends(empty: clickhouse.Address) -> None:
    server = clickhouse.connect(empty)

    def lose(step: progress.Progress) -> None:
        if "0018" in step.doing:
            server.execute("RENAME TABLE migrating_1 TO migrating_2")

    with pytest.raises(claims.TakenOverError, match="this one ends here"):
        migrate.apply(empty, lose)
    assert migrate.apply(empty)[0] == "0018_archive"
    server.close()


def test_a_migration_that_fails_says_which_one_and_is_taken_up(
    empty: clickhouse.Address, address: clickhouse.Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = migrate.migrations()
    broken = files.read("0009_removals", b"ALTER TABLE nothing ADD COLUMN a UInt8;\n")
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "migrations", lambda: [*shipped[:8], broken, *shipped[9:]])
        with pytest.raises(clickhouse.QueryError, match="Migration 0009_removals stopped"):
            migrate.apply(empty)
        assert [each.state for each in migrate.listing(empty)[7:10]] == ["applied", "begun", "pending"]
    assert migrate.apply(empty) == NAMES[8:], "a later release may mend what never ended"
    assert schema(empty) == schema(address)


def test_a_database_of_a_newer_release_is_refused(
    address: clickhouse.Address, server: clickhouse.Connection
) -> None:
    records.begin(server, files.read("0999_future", b""))
    for refuse in (lambda: migrate.apply(address), lambda: migrate.require_applied(server)):
        with pytest.raises(errors.HeadraceError, match=r"of a newer release .* 0999_future"):
            refuse()
    assert migrate.listing(address)[-1].state == "unknown"


def test_a_migration_whose_text_changed_is_refused(
    address: clickhouse.Address, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = [
        step._replace(sha256="ab" * 32) if "0011" in step.name else step for step in files.migrations()
    ]
    monkeypatch.setattr(migrate, "migrations", lambda: changed)
    for refuse in (lambda: migrate.apply(address), lambda: migrate.require_applied(server)):
        with pytest.raises(errors.HeadraceError, match=r"^The migration 0011_departures .*another SHA-256"):
            refuse()
    assert [each.name for each in migrate.listing(address) if each.state == "changed"] == ["0011_departures"]


def test_a_changed_text_is_refused_in_a_database_of_a_release_that_knew_no_checksums(
    old: clickhouse.Connection, empty: clickhouse.Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = [
        step._replace(sha256="ab" * 32) if "0004" in step.name else step for step in files.migrations()
    ]
    monkeypatch.setattr(migrate, "migrations", lambda: changed)
    with pytest.raises(records.MigrationRefusedError, match="0004_policies"):
        migrate.apply(empty)
    assert old.execute(
        "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'reports'"
    ) == [("AggregatingMergeTree",)]


def test_tables_without_a_record_are_refused(
    address: clickhouse.Address, server: clickhouse.Connection
) -> None:
    before = server.execute(_SCHEMA)
    server.execute("RENAME TABLE schema_migrations TO away")
    for refuse in (lambda: migrate.apply(address), lambda: migrate.listing(address)):
        with pytest.raises(records.MigrationRefusedError, match="restore that table too"):
            refuse()
    server.execute("RENAME TABLE away TO schema_migrations")
    assert server.execute(_SCHEMA) == before


def test_listing_changes_nothing(empty: clickhouse.Address, address: clickhouse.Address) -> None:
    nowhere = msgspec.structs.replace(empty, database="nowhere_yet")
    for database in (nowhere, empty):
        assert [(each.name, each.state) for each in migrate.listing(database)] == [
            (name, "pending") for name in NAMES
        ]
    server = clickhouse.connect(empty)
    assert server.execute(_SCHEMA) == []
    assert server.execute("SELECT count() FROM system.databases WHERE name = 'nowhere_yet'") == [(0,)]
    older.make(server)
    assert [each.name for each in migrate.listing(empty) if each.state == "pending"] == NEW
    assert server.execute("EXISTS TABLE schema_migrations") == [(0,)]
    server.close()
    listed = migrate.listing(address)
    assert {each.state for each in listed} == {"applied"}
    now = dt.datetime.now(dt.UTC)
    assert all(each.began and each.ended and each.began <= each.ended <= now for each in listed)


def test_an_insert_and_a_mutation_that_began_earlier_are_waited_for(
    old: clickhouse.Connection, empty: clickhouse.Address
) -> None:
    """Both change the reports behind the rename, and findings are counted after them."""
    slow, waits = clickhouse.connect(empty), threading.Event()

    def rows() -> Iterator[tuple[object, ...]]:
        yield 1, "production", "9", 1, 5
        waits.wait(waiting.PATIENCE_S)

    def let_go(step: progress.Progress) -> None:
        told.append(step.doing)
        if "inserts that began" in step.doing:
            waits.set()
        if "mutations of reports_live that began" in step.doing:
            old.execute("SYSTEM START MERGES reports_live")

    told: list[str] = []
    insert = "INSERT INTO reports (project_id, environment, release, identity, seen) VALUES"
    with futures.ThreadPoolExecutor(1) as beside:
        given: Any = rows()  # the driver takes rows one by one, too
        inserting = beside.submit(slow.execute, insert, given, settings={"insert_block_size": 1})
        waiting.until(lambda: old.execute(_INSERTS) == [(1,)], "the insert is under way")
        old.execute("SYSTEM STOP MERGES reports")
        old.execute(
            "ALTER TABLE reports UPDATE noise = 'extension' WHERE fingerprint = 3",
            settings={"mutations_sync": 0},
        )
        assert migrate.apply(empty, let_go) == NEW
        inserting.result()
    slow.close()
    assert any("1 inserts" in sentence for sentence in told)
    assert any("1 mutations" in sentence for sentence in told)
    assert old.execute("SELECT sum(seen) FROM finding_days WHERE release = '9'") == [(5,)]
    by_label = "SELECT noise, sum(seen) FROM {} GROUP BY noise ORDER BY noise"
    assert old.execute(by_label.format("finding_days")) == old.execute(by_label.format("reports"))
    assert old.execute("SELECT sum(seen) > 0 FROM finding_days WHERE noise = 'extension'") == [(True,)]


def test_a_mutation_that_fails_stops_the_migration(
    old: clickhouse.Connection, empty: clickhouse.Address
) -> None:
    old.execute(
        "ALTER TABLE reports UPDATE noise = toString(throwIf(1, 'no way')) WHERE fingerprint = 3",
        settings={"mutations_sync": 0},
    )
    failed = (
        "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND latest_fail_reason != ''"
    )
    waiting.until(lambda: old.execute(failed) == [(1,)], "ClickHouse has tried it")
    with pytest.raises(
        clickhouse.QueryError, match=r"0017_reports_apart stopped: A mutation .* fails: .*no way"
    ):
        migrate.apply(empty)
    old.execute("KILL MUTATION WHERE database = currentDatabase() AND table = 'reports_live' SYNC")
    assert migrate.apply(empty) == NEW


def test_what_is_not_stored_whole_is_not_put_in_place(
    old: clickhouse.Connection, empty: clickhouse.Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = schema_pieces.condition
    with monkeypatch.context() as patch:
        patch.setattr(schema_pieces, "condition", lambda together: f"{real(together)} AND fingerprint != 3")
        with pytest.raises(clickhouse.QueryError, match=r"finding_days_filling holds \d+ of the \d+ reports"):
            migrate.apply(empty)
    assert old.execute("SELECT count() FROM finding_days_filling") == [(0,)]
    assert migrate.apply(empty) == NAMES[NAMES.index("0019_finding_days") :]
    assert counted(old) == old.execute("SELECT sum(seen) FROM reports")
