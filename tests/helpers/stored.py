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
    """Insert rows of reports, all with the same columns, and what they add to the tables of findings.

    Args:
        server: where to.
        rows: reports by column; a column that is left out has its default.
        table: ``reports_live`` or ``reports_archive``.
    """
    values = [tuple(row.values()) for row in rows]
    server.execute(_SQL["begin"])
    for target in ("stored_batch", table):
        server.execute(
            f"INSERT INTO {target} ({', '.join(rows[0])}) VALUES", values, settings={"insert_deduplicate": 0}
        )
    _count(server, "stored_batch")
    server.execute(_SQL["end"])


def count_findings(server: clickhouse.Connection) -> None:
    """Fill the tables of findings anew with what all stored reports say."""
    for table in ("finding_days", "policy_days"):
        server.execute(_SQL["forget"].format(table=table))
    _count(server, "reports")


def _count(server: clickhouse.Connection, source: str) -> None:
    for statement in ("findings", "policies"):
        server.execute(_SQL[statement].format(source=source))
