"""The table ``schema_migrations``: which migrations a database has, by which text, and when each was applied.

Releases before it kept names alone, in the table ``migrations``. Their rows are taken over under the
checksums of the released texts. From then on that table refuses to answer those releases, see
``0017_reports_apart``.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

from storage import errors
from storage.schema import files
from storage.servers import clickhouse, sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SQL: Final = sql.beside(__name__)

_NEVER: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SETTINGS: Final = {"async_insert": 0, "min_free_disk_bytes_to_perform_insert": 0}
"""A record takes the room that other inserts leave free."""
_FORMER: Final = {"0015_breaks": "0012_breaks", "0015_allowed": "0013_allowed"}
"""Names under which two migrations were released first."""


class MigrationRefusedError(errors.HeadraceError):
    """This release does not migrate this database."""


class Record(NamedTuple):
    """A migration that a database has, or that was begun on it.

    Attributes:
        name: of its file, without the suffix.
        sha256: of its file, in hex.
        began: when it was begun first, by ClickHouse's clock.
        ended: when it had ended; None if it has not.
    """

    name: str
    sha256: str
    began: dt.datetime
    ended: dt.datetime | None


def read(server: clickhouse.Connection) -> list[Record]:
    """Return what is recorded, also in the table of older releases, by name; nothing of an empty database.

    Raises:
        ClickHouseUnavailableError: ClickHouse is not reachable.
        MigrationRefusedError: there are tables of Headrace, but no record of the migrations that made them.
    """
    engines = dict(server.execute(_SQL["engines"]))
    found = server.execute(_SQL["read"]) if "schema_migrations" in engines else []
    if found:
        return [Record(name, sha256, _utc(began), _past(ended)) for name, sha256, began, ended in found]
    if engines.get("migrations", "View") != "View":
        return _of_older_releases(server)
    if "reports_live" in engines:
        raise MigrationRefusedError(
            "The database holds reports, but the table schema_migrations does not tell by which migrations "
            "it was made: restore that table too."
        )
    return []


def create(server: clickhouse.Connection, known: Sequence[Record]) -> None:
    """Make the table, with these records of older releases if it is new."""
    server.execute(_SQL["create"])
    if known and not server.execute(_SQL["read"]):
        rows = [(record.name, record.sha256, record.began, record.ended) for record in known]
        server.execute(_SQL["take_over"], rows, settings=_SETTINGS)


def begin(server: clickhouse.Connection, migration: files.Migration) -> None:
    """Record that a migration begins."""
    server.execute(_SQL["begin"], _values(migration), settings=_SETTINGS)


def end(server: clickhouse.Connection, migration: files.Migration) -> None:
    """Record that a migration has ended."""
    server.execute(_SQL["end"], _values(migration), settings=_SETTINGS)


def pending(found: Iterable[Record], shipped: Sequence[files.Migration]) -> list[files.Migration]:
    """Return the migrations that a database still needs, in order.

    Raises:
        MigrationRefusedError: it has one that this release does not ship, or one with another text.
    """
    known = {migration.name: migration for migration in shipped}
    done = set()
    for record in found:
        if record.name not in known:
            raise MigrationRefusedError(
                f"The database is of a newer release of Headrace: it has the migration {record.name}, which "
                "this release does not know. Install that release, or a newer one."
            )
        if record.ended and record.sha256 != known[record.name].sha256:
            raise MigrationRefusedError(
                f"The migration {record.name} of this release is not the one that the database has: its text "
                f"has another SHA-256 than the recorded {record.sha256[:12]}…. Install a release of Headrace "
                "as it was published."
            )
        if record.ended:
            done.add(record.name)
    return [migration for migration in shipped if migration.name not in done]


def _of_older_releases(server: clickhouse.Connection) -> list[Record]:
    checksums = files.released()
    rows = server.execute(_SQL["read_old"])
    names = {name: _FORMER.get(name, name) for name, _ in rows}
    return [
        Record(names[name], checksums.get(names[name], ""), _utc(applied), _utc(applied))
        for name, applied in rows
    ]


def _values(migration: files.Migration) -> dict[str, str]:
    return {"name": migration.name, "sha256": migration.sha256}


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def _past(moment: dt.datetime) -> dt.datetime | None:
    return _utc(moment) if _utc(moment) > _NEVER else None
