"""The rules files of this system in ClickHouse, which holds the truth, and the decisions which is in force.

A decision is optimistic: it is written under its revision as a deduplication token, so that of two writers of
the same revision one wins and the other notices.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from storage import errors
from storage.noise import published
from storage.servers import clickhouse, sql
from storage.tables import writer

if TYPE_CHECKING:
    import redis

_SQL: Final = sql.beside(__name__)


class UpdateError(errors.HeadraceError):
    """A rules file cannot be stored, or another one was put in force meanwhile."""


class StoredFile(NamedTuple):
    """A rules file that this system knows.

    Attributes:
        version: its version.
        sha256: the hash of its text, in hex.
        text: its text.
        source: where it was read.
        stored_at: when it was stored here first, UTC.
    """

    version: str
    sha256: str
    text: bytes
    source: str
    stored_at: dt.datetime


class RulesFiles:
    """The rules files in ClickHouse.

    Args:
        server: a connection to the database that holds them.

    Raises, from every method:
        ClickHouseUnavailableError: ClickHouse did not answer.
    """

    def __init__(self, server: clickhouse.Connection) -> None:
        self._server = server

    def find(self, sha256: str) -> StoredFile | None:
        """Return the file whose text has this hash, or None."""
        rows = self._execute("find", sha256=sha256)
        return _stored(rows[0]) if rows else None

    def list(self) -> list[StoredFile]:
        """Return all files in the order in which they were stored."""
        return [_stored(row) for row in self._execute("list")]

    def in_force(self) -> published.Decision:
        """Return the latest decision; by default the file that is shipped."""
        rows = self._execute("latest")
        if not rows:
            return published.Decision()
        revision, sha256, since_ms, version = rows[0]
        return published.Decision(sha256=sha256, version=version or "", revision=revision, since_ms=since_ms)

    def updates(self) -> dict[str, dt.datetime]:
        """Return when each file was put in force last, by its hash; "" is the hash of the shipped one."""
        return {sha256: since for _, sha256, since in reversed(self._execute("updates"))}

    def add(self, version: str, sha256: str, text: bytes, source: str) -> None:
        """Store a file that a person loads.

        Raises:
            UpdateError: there is another file of this version.
        """
        same = [file for file in self.list() if file.version == version]
        if not any(file.sha256 == sha256 for file in same):
            self._insert_file(version, sha256, text, source, f"noise-rules:{version}")
            same = [file for file in self.list() if file.version == version]
        if not same:
            raise UpdateError(f"ClickHouse did not keep the rules file of the version {version}.")
        if any(file.sha256 != sha256 for file in same):
            raise UpdateError(f"This system has another rules file of the version {version} already.")

    def archive(self, version: str, sha256: str, text: bytes, source: str) -> None:
        """Store a file that a release ships, so that rows and batches which name it can be traced."""
        if self.find(sha256) is None:
            self._insert_file(version, sha256, text, source, f"noise-rules:{sha256}")

    def decide(self, sha256: str, before: published.Decision) -> published.Decision:
        """Decide which file is to be in force; "" for the one that is shipped.

        Raises:
            UpdateError: since ``before`` was read, another decision was made.
        """
        revision = before.revision + 1
        ((now,),) = self._execute("now")
        columns: dict[str, list[Any]] = {"revision": [revision], "sha256": [sha256], "since": [now]}
        writer.insert(self._server, "noise_updates", columns, f"noise-update:{revision}")
        found = self.in_force()
        if (found.revision, found.sha256) != (revision, sha256):
            raise UpdateError("Another rules file was put in force meanwhile: look at it, and try again.")
        return found

    def publish(self, client: redis.Redis, *, replace: int | None = None) -> int | None:
        """Tell workers which file is in force, see ``published.publish``.

        Raises:
            RedisUnavailableError: Redis did not take it.
        """
        decided = self.in_force()
        if decided.sha256 and not published.has_text(client, decided.sha256):
            file = self.find(decided.sha256)
            if file is not None:
                published.keep_text(client, file.sha256, file.text)
        return published.publish(client, decided, replace=replace)

    def _insert_file(self, version: str, sha256: str, text: bytes, source: str, token: str) -> None:
        columns: dict[str, list[Any]] = {
            "version": [version],
            "sha256": [sha256],
            "text": [text.decode()],
            "source": [source],
            "stored_at": [dt.datetime.now(dt.UTC)],
        }
        writer.insert(self._server, "noise_rules", columns, token)

    def _execute(self, name: str, **parameters: object) -> Any:  # noqa: ANN401 - rows of any shape
        try:
            return self._server.execute(_SQL[name], parameters)
        except clickhouse.QueryError as error:  # no table yet, no right: an operator mends that
            raise errors.ClickHouseUnavailableError(
                f"ClickHouse does not give the noise rules: {error}"
            ) from error


def _stored(row: tuple[Any, ...]) -> StoredFile:
    version, sha256, text, source, stored_at = row
    return StoredFile(version, sha256, text.encode(), source, stored_at)
