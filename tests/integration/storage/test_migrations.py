"""Migrations that are interrupted, meet each other, or fail."""

from __future__ import annotations

import secrets
from concurrent import futures
from typing import TYPE_CHECKING

import msgspec
import pytest

from storage.servers import clickhouse
from storage.tables import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers import harness

STATEMENTS = [(step, text) for step in migrate.migrations() for text in step.statements]
_SCHEMA = """
SELECT name, replaceAll(create_table_query, currentDatabase(), '') FROM system.tables
WHERE database = currentDatabase() ORDER BY name
"""


@pytest.fixture
def empty(clickhouse_server: harness.ClickHouseServer) -> Iterator[clickhouse.Address]:
    """A database without tables."""
    address = msgspec.structs.replace(clickhouse_server.address, database=f"test_{secrets.token_hex(4)}")
    bootstrap = clickhouse.connect(msgspec.structs.replace(address, database="default"))
    bootstrap.execute(f"CREATE DATABASE `{address.database}`")
    yield address
    bootstrap.execute(f"DROP DATABASE `{address.database}`")
    bootstrap.close()


def schema(address: clickhouse.Address) -> list[tuple[str, str]]:
    server = clickhouse.connect(address)
    found: list[tuple[str, str]] = server.execute(_SCHEMA)
    names = server.execute("SELECT name FROM migrations ORDER BY name")
    server.close()
    assert names == [(step.name,) for step in migrate.migrations()]
    return found


@pytest.mark.parametrize("ended", range(len(STATEMENTS)), ids=lambda ended: STATEMENTS[ended][0].name)
def test_a_migration_that_was_interrupted_is_taken_up(
    ended: int, empty: clickhouse.Address, address: clickhouse.Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, ran = clickhouse.Connection.execute, iter(range(ended))

    def execute(self: clickhouse.Connection, sql: str, *arguments: object, **named: object) -> object:
        if any(sql == text for _, text in STATEMENTS) and next(ran, None) is None:
            raise KeyboardInterrupt
        return real(self, sql, *arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(clickhouse.Connection, "execute", execute)
        with pytest.raises(KeyboardInterrupt):
            migrate.apply(empty)
    assert STATEMENTS[ended][0].name in migrate.apply(empty)
    assert schema(empty) == schema(address)


def test_every_statement_may_run_twice(address: clickhouse.Address, server: clickhouse.Connection) -> None:
    before = schema(address)
    server.execute("TRUNCATE TABLE migrations")
    assert len(migrate.apply(address)) == len(migrate.migrations())
    assert schema(address) == before


def test_several_migrate_at_once(empty: clickhouse.Address, address: clickhouse.Address) -> None:
    with futures.ThreadPoolExecutor() as together:
        done = list(together.map(migrate.apply, [empty] * 4))
    assert {name for names in done for name in names} == {step.name for step in migrate.migrations()}
    assert schema(empty) == schema(address)


def test_a_migration_that_fails_says_which_one_and_is_taken_up(
    empty: clickhouse.Address, address: clickhouse.Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = migrate.Migration("0000_broken", ("ALTER TABLE nothing ADD COLUMN a UInt8",))
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "migrations", lambda: [broken])
        with pytest.raises(clickhouse.QueryError, match="Migration 0000_broken"):
            migrate.apply(empty)
    migrate.apply(empty)
    assert schema(empty) == schema(address)
