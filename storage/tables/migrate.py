"""Numbered SQL migrations, applied in order and recorded in the table ``migrations``."""

from __future__ import annotations

from importlib import resources
from typing import Final, NamedTuple

import msgspec.structs

from storage import errors
from storage.servers import clickhouse, sql
from storage.tables import writer

_SQL: Final = sql.beside(__name__)


class Migration(NamedTuple):
    """One file: its name (``0001_reports``) and its statements, each of which may run twice."""

    name: str
    statements: tuple[str, ...]


def migrations() -> list[Migration]:
    """Return the migrations of this release, in order."""
    folder = resources.files("storage").joinpath("migrations")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    return [Migration(file.name.removesuffix(".sql"), _split(file.read_text("utf-8"))) for file in files]


def apply(address: clickhouse.Address) -> list[str]:
    """Bring the database at this address up to date and return the names of the migrations applied.

    The database is created when it does not exist.

    Raises:
        ClickHouseUnavailableError: ClickHouse is not reachable.
        QueryError: the server refused a statement.
    """
    bootstrap = clickhouse.connect(msgspec.structs.replace(address, database="default"))
    bootstrap.execute(_SQL["create_database"].format(database=address.database))
    bootstrap.close()
    server = clickhouse.connect(address)
    try:
        return _apply_pending(server)
    finally:
        server.close()


def require_applied(server: clickhouse.Connection) -> None:
    """Check that the database is up to date, for rows of this release that it refused.

    Raises:
        ClickHouseUnavailableError: it is not, or does not say so: try again later.
    """
    try:
        pending = _pending(server)
    except clickhouse.QueryError as error:
        raise errors.ClickHouseUnavailableError(
            f"ClickHouse does not list the migrations: {error}"
        ) from error
    if pending:
        first = pending[0].name
        raise errors.ClickHouseUnavailableError(
            f"The database is not up to date ({first} is missing): run headrace migrate."
        )


def _pending(server: clickhouse.Connection) -> list[Migration]:
    done = {name for (name,) in server.execute(_SQL["done"])}
    return [migration for migration in migrations() if migration.name not in done]


def _apply_pending(server: clickhouse.Connection) -> list[str]:
    server.execute(_SQL["create_table"])
    pending = _pending(server)
    for migration in pending:
        for statement in migration.statements:
            _execute(server, migration, statement)
        settings = {"insert_deduplication_token": migration.name, **writer.ANY_ROOM}
        server.execute(_SQL["record"], [(migration.name,)], settings=settings)
    return [migration.name for migration in pending]


def _execute(server: clickhouse.Connection, migration: Migration, statement: str) -> None:
    try:
        server.execute(statement)
    except clickhouse.QueryError as error:
        sentence = f"Migration {migration.name} stopped: {error} Nothing is lost; mend it and migrate again."
        raise clickhouse.QueryError(sentence, error.code) from error


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";\n") if part.strip())
