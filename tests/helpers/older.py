"""Databases as older releases left them: by the texts of their migrations, with their table of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage.schema import files
from storage.servers import sql
from tests.helpers import paths

if TYPE_CHECKING:
    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

_EARLY: Final = paths.DATA / "migrations"
_SHIPPED: Final = paths.ROOT / "storage" / "migrations"

_NAMES: Final = """
CREATE TABLE IF NOT EXISTS migrations (name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = MergeTree ORDER BY name SETTINGS non_replicated_deduplication_window = 10000
"""

STATES: Final = tuple((_EARLY / "states.txt").read_text("utf-8").splitlines())
"""What databases had before migrations had checksums, a line each: the migrations in the order in which they
were applied, ``0014.1`` for the first text that ``0014`` had. Those that ended with ``0010`` to ``0012`` are
left out: these change nothing that is counted again. The last line but one is that of the last release; in
the last one, each migration was applied by its first text."""
LAST: Final = STATES[-2]


def until(number: str) -> str:
    """Return the state of a database whose last migration this was, by the texts that are shipped."""
    return LAST[: LAST.index(number) + len(number)]


def make(server: clickhouse.Connection, state: str = LAST) -> None:
    """Make the tables of a state, in the place of all that the database holds."""
    for (table,) in server.execute("SELECT name FROM system.tables WHERE database = currentDatabase()"):
        server.execute(f"DROP TABLE {table}")
    server.execute(_NAMES)
    for part in state.split():
        migration = _migration(part)
        for statement in migration.statements:
            server.execute(statement, settings={"mutations_sync": 2})
        server.execute("INSERT INTO migrations (name) VALUES", [(migration.name,)])


def fill(server: clickhouse.Connection, reports: str = "reports") -> None:
    """Store rows in every table, as workers of that release did; the same in every state that has the table.

    Args:
        server: a connection to a database in one of the states, or up to date.
        reports: the table that workers of that release insert reports into.
    """
    matched = _has(server, reports, "allowed")
    columns, impossible = (", allowed", "matched AND number % 2 = 1, matched") if matched else ("", "matched")
    server.execute(_SQL["reports"].format(table=reports, columns=columns, impossible=impossible))
    for name in ("outcomes", "policies", "quarantine", "projects"):
        server.execute(_SQL[name])
    if _has(server, "receipts", "ms"):
        server.execute(_SQL["receipts"])
    if _has(server, "receipts", "rejected_outcome"):
        server.execute(_SQL["rejected_outcomes"])


def _has(server: clickhouse.Connection, table: str, column: str) -> bool:
    return bool(server.execute(_SQL["has"], {"table": table, "name": column})[0][0])


def _migration(part: str) -> files.Migration:
    number, _, text = part.partition(".")
    found = [*_EARLY.glob(f"{number}_*.{text}.sql")] if text else [*_EARLY.glob(f"{number}.sql")]
    [path] = found or _SHIPPED.glob(f"{number}_*.sql")
    return files.read(path.name.split(".")[0], path.read_bytes())
