"""Databases of tests: one is migrated for each server, and each test gets a copy of it, which is faster."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from storage.servers import clickhouse
from storage.tables import migrate

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLES = (
    "SELECT name, engine = 'View', create_table_query FROM system.tables WHERE database = currentDatabase()"
)


class MigratedDatabase(NamedTuple):
    """A database as ``headrace migrate`` leaves it.

    Attributes:
        address: where it is.
        statements: what makes its tables and views, in an order in which each finds what it needs.
    """

    address: clickhouse.Address
    statements: list[str]

    @classmethod
    def make(cls, server: clickhouse.Address) -> Self:
        """Migrate a new database of a server."""
        address = msgspec.structs.replace(server, database=f"migrated_{secrets.token_hex(4)}")
        assert migrate.apply(address) == [migration.name for migration in migrate.migrations()]
        connection = clickhouse.connect(address)
        found = connection.execute(_TABLES)
        connection.close()
        views = {name: text for name, is_view, text in found if is_view}
        tables = [text for _, is_view, text in found if not is_view]
        return cls(address, [*tables, *_ordered(views, address.database)])

    def copy(self) -> clickhouse.Address:
        """Return a database with the same tables and views, which are as empty, and the same migrations."""
        source, database = self.address.database, f"test_{secrets.token_hex(4)}"
        connection = clickhouse.connect(self.address)
        connection.execute(f"CREATE DATABASE {database}")
        for statement in self.statements:
            connection.execute(statement.replace(f"{source}.", f"{database}."))
        records = f"INSERT INTO {database}.schema_migrations SELECT * FROM schema_migrations"  # noqa: S608 - own names
        connection.execute(records)
        connection.close()
        return msgspec.structs.replace(self.address, database=database)


def _ordered(views: Mapping[str, str], database: str) -> list[str]:
    """Return what makes these views, those ahead that others read."""
    left, found = dict(views), list[str]()
    while left:
        free = [
            name
            for name, text in left.items()
            if not any(
                f"{database}.{other}\n" in f"{text}\n".replace(" ", "\n") for other in left if other != name
            )
        ]
        assert free, f"views that read each other: {sorted(left)}"
        found += [left.pop(name) for name in free]
    return found
