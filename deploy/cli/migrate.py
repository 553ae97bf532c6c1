"""``headrace migrate``: bring the database up to date."""

from __future__ import annotations

from deploy.cli import options
from deploy.printing import output
from storage.tables import functions
from storage.tables import migrate as migrations


def migrate(
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Bring the database up to date."""
    address = options.locate(data).clickhouse
    applied = migrations.apply(address)
    done = [f"applied {name}" for name in applied]
    try:
        if functions.restore(address):
            done.append(f"made the function {functions.NAME}")
    finally:
        if as_json:
            output.json(applied)
        else:
            output.copyable("\n".join(done) or "The database is up to date.")
