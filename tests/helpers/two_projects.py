"""Rows of two projects in every table: those of the second hold a word that the first must never see."""

from __future__ import annotations

from typing import Final

from storage.servers import sql

SECRET: Final = "sesame"
"""What each text of the second project holds."""
OWN_ROWS: Final = 3
"""The rows that the first project has in each table."""
OTHER_ROWS: Final = 5000

_SQL: Final = sql.beside(__name__, secret=SECRET, own=OWN_ROWS, others=OTHER_ROWS)
_WIDE: Final = ("reports_live", "reports_archive", "finding_days", "policy_days", "policies")

TABLES: Final = frozenset(_SQL) - {"each", "of_both", "wide"}


def statements() -> list[str]:
    """Return the SQL that stores the rows."""
    inserts = [_SQL[table] for table in sorted(TABLES)]
    return [*(_SQL["wide"].format(table=table) for table in _WIDE), *inserts, _SQL["of_both"]]
