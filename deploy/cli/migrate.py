"""``headrace migrate``: bring the database up to date."""

from __future__ import annotations

from deploy.cli import options
from deploy.printing import output
from storage.tables import migrate as migrations


def migrate(
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Bring the database up to date."""
    applied = migrations.apply(options.locate(data).clickhouse)
    if as_json:
        output.json(applied)
    else:
        output.copyable("\n".join(f"applied {name}" for name in applied) or "The database is up to date.")
