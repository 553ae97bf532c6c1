"""The rules file by which a batch is evaluated: decided when the batch is bound, found again by its hash."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from storage import errors
from storage.noise import published, rules_files
from workers.noise import rules_file, shipped

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

log = structlog.get_logger(__name__)

_MOST: Final = 8
"""Rules files that a process remembers."""
_REFRESH_S: Final = 3600.0
"""Seconds after which a process writes to Redis again the text by which it binds batches."""

_read: dict[str, rules_file.RulesFile] = {}
_written: dict[str, float] = {}
_unreadable: set[str] = set()


class NoRulesError(errors.RecoverableError):
    """The rules file that a batch names is nowhere, or this release cannot read it: another process may."""


class RulesInForce:
    """Finds rules files for the batches of one process.

    Args:
        client: a Redis client without retries.
        server: a ClickHouse connection of this thread.

    Raises, from every method:
        RecoverableError: Redis or ClickHouse is away, and has to be asked.
    """

    def __init__(self, client: redis.Redis, server: clickhouse.Connection) -> None:
        self._client = client
        self._source = rules_files.RulesFiles(server)

    def now(self) -> rules_file.RulesFile:
        """Return the rules file for a new batch: the one in force, or the shipped one if that is newer.

        A file that this release cannot read is left to others: the rows tell by which version they were
        labelled. Its text is in Redis for whoever repeats the batch.
        """
        decided = published.read(self._client)
        if decided is None:  # Redis was emptied, or maintenance is of a release that publishes nothing
            decided = self._source.in_force()
        found = self._newer(decided)
        self._keep(found)
        return found

    def of(self, sha256: str) -> rules_file.RulesFile:
        """Return the rules file with this hash; "" in plans of older releases stands for the shipped one.

        Raises:
            NoRulesError: there is none, or this release cannot read it.
        """
        if sha256 in {"", shipped.file().sha256}:
            return shipped.file()
        known = _read.get(sha256)
        if known is None:
            known = _remember(sha256, self._text(sha256))
        return known

    def _newer(self, decided: published.Decision) -> rules_file.RulesFile:
        own = shipped.file()
        if not decided.sha256:
            return own
        try:
            found = self.of(decided.sha256)
        except NoRulesError as error:
            if decided.sha256 not in _unreadable:
                _unreadable.add(decided.sha256)
                log.warning(
                    "rules_unreadable", version=decided.version, instead=own.version, error=str(error)
                )
            return own
        return found if found.newer_than(own) else own

    def _text(self, sha256: str) -> bytes:
        text = published.read_text(self._client, sha256)
        if text is None or rules_file.sha256_of(text) != sha256:
            stored = self._source.find(sha256)
            if stored is None:
                raise NoRulesError(
                    f"Neither Redis nor ClickHouse has the rules file {sha256}: `headrace noise update` with "
                    "that file brings it back."
                )
            text = stored.text
        return text

    def _keep(self, file: rules_file.RulesFile) -> None:
        """Write the text to Redis from time to time: a process of another release may repeat the batch."""
        now = time.monotonic()
        if now - _written.get(file.sha256, -_REFRESH_S) < _REFRESH_S:
            return
        text = shipped.text() if file is shipped.file() else self._text(file.sha256)
        published.keep_text(self._client, file.sha256, text)
        _written[file.sha256] = now


def _remember(sha256: str, text: bytes) -> rules_file.RulesFile:
    try:
        found = rules_file.parse(text)
    except rules_file.RuleError as error:
        raise NoRulesError(f"This release cannot read the rules file {sha256}: {error}") from error
    while len(_read) >= _MOST:
        del _read[next(iter(_read))]
    _read[sha256] = found
    return found
