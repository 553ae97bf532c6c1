"""The invariant of findings: their tables say what the stored reports say, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from storage.servers import sql

if TYPE_CHECKING:
    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)


def differences(server: clickhouse.Connection) -> list[tuple[Any, ...]]:
    """Return the rows of both tables that are missing or too many, in all columns."""
    return [row for name in ("findings_differ", "policies_differ") for row in server.execute(_SQL[name], {})]


def findings(server: clickhouse.Connection) -> list[tuple[Any, ...]]:
    """Return what ``finding_days`` says, whatever parts its rows lie in."""
    return sorted(server.execute(_SQL["stored_findings"], {}), key=repr)
