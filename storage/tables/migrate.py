"""Numbered SQL migrations: applied in order, forward only, each by the text that was released.

One process migrates a database at a time (``claims``). A process that was killed at any point leaves nothing
that the next one could not take up: all statements of a migration may run again, and a migration counts as
applied once the table ``schema_migrations`` says that it has ended (``records``).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec.structs

from storage import errors
from storage.schema import claims, files, pieces, progress, records, settling
from storage.servers import clickhouse, sql

if TYPE_CHECKING:
    import datetime as dt

_SQL: Final = sql.beside(__name__)

_SETTLE: Final = "SETTLE "


class Listed(NamedTuple):
    """A migration that this release ships, or that a database has.

    Attributes:
        name: of its file, without the suffix.
        state: ``applied``, ``begun`` or ``pending``; ``changed`` if the database has it by another text,
            ``unknown`` if this release does not ship it.
        sha256: of the text that the database has, or would get.
        began: when it was begun first; None if it was not.
        ended: when it had ended; None if it has not.
    """

    name: str
    state: str
    sha256: str
    began: dt.datetime | None = None
    ended: dt.datetime | None = None


def migrations() -> list[files.Migration]:
    """Return the migrations of this release, in order."""
    return files.migrations()


def apply(address: clickhouse.Address, report: progress.Report = progress.ignore) -> list[str]:
    """Bring the database at this address up to date and return the names of the migrations applied.

    The database is created when it does not exist. Another process that does the same is waited for.

    Args:
        address: where ClickHouse listens, and the database.
        report: told what goes on. An error that it raises ends the work, which the next call takes up.

    Raises:
        ClickHouseUnavailableError: ClickHouse is not reachable.
        MigrationRefusedError: the database is of a newer release, or has a migration by another text.
        TakenOverError: this process was frozen for long, and another one goes on.
        QueryError: the server refused a statement.
    """
    if not _exists(address):
        with contextlib.closing(_outside(address)) as outside:
            outside.execute(_SQL["create_database"].format(database=address.database))
    # ClickHouse says nothing while it changes a table.
    with contextlib.closing(
        clickhouse.connect(address, send_receive_timeout=clickhouse.MUTATION_S)
    ) as server:
        if not records.pending(records.read(server), migrations()):
            claims.clear(server)
            return []
        with claims.held(address, report) as claim:
            return _apply_pending(server, claim, report)


def listing(address: clickhouse.Address) -> list[Listed]:
    """Return all migrations of this release and of the database, by name, and change nothing.

    Raises:
        ClickHouseUnavailableError: ClickHouse is not reachable.
        MigrationRefusedError: there are tables of Headrace, but no record of the migrations that made them.
    """
    if not _exists(address):
        return [Listed(each.name, "pending", each.sha256) for each in migrations()]
    with contextlib.closing(clickhouse.connect(address)) as server:
        found = {record.name: record for record in records.read(server)}
    shipped = {migration.name: migration for migration in migrations()}
    unknown = [_unknown(record) for record in found.values() if record.name not in shipped]
    return sorted([_listed(each, found.get(each.name)) for each in shipped.values()] + unknown)


def require_applied(server: clickhouse.Connection) -> None:
    """Check that the database is that of this release.

    Raises:
        ClickHouseUnavailableError: it is not, or does not say so: try again later.
    """
    try:
        pending = records.pending(records.read(server), migrations())
    except clickhouse.QueryError as error:
        raise errors.ClickHouseUnavailableError(
            f"ClickHouse does not list the migrations: {error}"
        ) from error
    except records.MigrationRefusedError as error:
        raise errors.ClickHouseUnavailableError(str(error)) from error
    if pending:
        raise errors.ClickHouseUnavailableError(
            f"The database is not up to date ({pending[0].name} is missing): run headrace migrate."
        )


def _outside(address: clickhouse.Address) -> clickhouse.Connection:
    return clickhouse.connect(msgspec.structs.replace(address, database="default"))


def _exists(address: clickhouse.Address) -> bool:
    with contextlib.closing(_outside(address)) as outside:
        ((there,),) = outside.execute(_SQL["there"], {"database": address.database})
    return bool(there)


def _apply_pending(server: clickhouse.Connection, claim: claims.Claim, report: progress.Report) -> list[str]:
    found = records.read(server)  # another process may have gone on meanwhile
    pending = records.pending(found, migrations())
    records.create(server, found)
    for migration in pending:
        claim.require()
        report(progress.Progress(f"Applying {migration.name}", slow=False))
        records.begin(server, migration)
        for statement in migration.statements:
            claim.require()
            _execute(server, claim, migration.name, statement, report)
        claim.require()
        records.end(server, migration)
    return [migration.name for migration in pending]


def _execute(
    server: clickhouse.Connection, claim: claims.Claim, name: str, statement: str, report: progress.Report
) -> None:
    try:
        if statement.startswith(_SETTLE):
            settling.settle(server, claim, statement.removeprefix(_SETTLE), report)
        elif pieces.is_in_pieces(statement):
            pieces.run(server, claim, statement, report)
        else:
            server.execute(statement)
    except clickhouse.QueryError as error:
        claim.require()
        sentence = f"Migration {name} stopped: {error} Nothing is lost; mend it and migrate again."
        raise clickhouse.QueryError(sentence, error.code) from error


def _unknown(record: records.Record) -> Listed:
    return Listed(record.name, "unknown", record.sha256, record.began, record.ended)


def _listed(shipped: files.Migration, record: records.Record | None) -> Listed:
    if record is None:
        return Listed(shipped.name, "pending", shipped.sha256)
    if record.ended is None:
        return Listed(shipped.name, "begun", shipped.sha256, record.began)
    state = "applied" if record.sha256 == shipped.sha256 else "changed"
    return Listed(shipped.name, state, record.sha256, record.began, record.ended)
