"""Rows as workers store them: reports, and the rows of findings that say what the reports say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)


def insert(
    server: clickhouse.Connection, rows: Sequence[Mapping[str, Any]], table: str = "reports_live"
) -> None:
    """Insert rows of reports, all with the same columns, and count the findings anew."""
    values = [tuple(row.values()) for row in rows]
    server.execute(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES", values)
    count_findings(server)


def count_findings(server: clickhouse.Connection) -> None:
    """Fill the tables of findings and policies with what the reports say, as if workers had."""
    for statement in ("no_findings", "findings", "no_policies", "policies"):
        server.execute(_SQL[statement])
