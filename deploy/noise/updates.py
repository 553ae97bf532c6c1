"""Puts another rules file in force: stored in ClickHouse, told to workers, and waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from deploy.noise import differences, in_force, sources
from storage import errors
from storage.noise import rules_files
from storage.queue import isolation, streams
from storage.servers import redis_errors
from workers.draining import bounds
from workers.noise import rules_file, shipped

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

FOLLOW_S: Final = 10.0
"""Seconds for which a command waits for batches that were begun under other rules."""
_POLL_S: Final = 0.05


class NotPinnedError(errors.HeadraceError):
    """A rules file from a URL was not pinned by its hash."""


class Candidate(NamedTuple):
    """A rules file that may be put in force.

    Attributes:
        file: its rules.
        text: its text; empty for the file that is shipped.
        source: where it was read, as it may be shown.
    """

    file: rules_file.RulesFile
    text: bytes
    source: str


def shipped_candidate() -> Candidate:
    """Return the file that is shipped."""
    return Candidate(shipped.file(), b"", "shipped")


def candidate(source: sources.ReadFile, sha256: str) -> Candidate:
    """Return the rules file that was read, all of which was checked.

    Args:
        source: the text, and where it was read.
        sha256: the hash that it is to have, in hex; "" if none was given.

    Raises:
        SourceError: it has another hash.
        RuleError: it is no rules file, or one that this release cannot read.
    """
    found = rules_file.sha256_of(source.text)
    if sha256 and found != sha256.strip().lower():
        raise sources.SourceError(f"{source.shown} is not the file you asked for: its SHA-256 is {found}.")
    return Candidate(rules_file.parse(source.text, in_force.release()), source.text, source.shown)


def require_useful(new: Candidate, known: list[rules_files.StoredFile]) -> None:
    """Refuse a rules file that could not be in force, or that says something else than its version did.

    Raises:
        UpdateError: it is no newer than the shipped file, or another file has its version.
        RuleError: one of its rules means something else than before.
    """
    own = shipped.file()
    if new.text and not new.file.newer_than(own):
        raise rules_files.UpdateError(
            f"The rules {new.file.version} are not newer than those that this release ships, {own.version}, "
            "which would stay in force."
        )
    if any(file.version == new.file.version and file.sha256 != new.file.sha256 for file in known):
        raise rules_files.UpdateError(
            f"This system has another rules file of the version {new.file.version} already."
        )
    if new.text:
        former = {file.version: rules_file.classes_of(file.text) for file in known}
        differences.require_stable(new.file, {own.version: rules_file.classes_of(shipped.text()), **former})


def put_in_force(server: clickhouse.Connection, new: Candidate, before: in_force.InForce) -> None:
    """Store a rules file, and decide that it is to be in force.

    Raises:
        UpdateError: another file was put in force since ``before`` was read.
    """
    source = rules_files.RulesFiles(server)
    if new.text:
        source.add(new.file.version, new.file.sha256, new.text, new.source)
    source.decide(new.file.sha256 if new.text else "", before.decided)


def tell_workers(server: clickhouse.Connection, client: redis.Redis) -> bool:
    """Publish the decision; return whether Redis has it. A later one in it is left to maintenance.

    Raises:
        RedisUnavailableError: Redis did not take it.
    """
    deadline = time.monotonic() + FOLLOW_S
    source = rules_files.RulesFiles(server)
    while source.publish(client) is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def follow(client: redis.Redis, shards: int, file: rules_file.RulesFile) -> int:
    """Wait until no batch is under way that was begun under other rules, for ``FOLLOW_S`` at most.

    Returns:
        How many such batches are left.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    deadline = time.monotonic() + FOLLOW_S
    former = _under_way(client, shards, file)
    while former and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        former &= _under_way(client, shards, file)
    return len(former)


def _under_way(client: redis.Redis, shards: int, file: rules_file.RulesFile) -> set[bytes]:
    """Return the bounds of the batches that go by other rules."""
    names = [streams.keys(number).bounds for number in isolation.every(shards)]
    with redis_errors.translated("does not say which batches are under way"):
        found: Any = client.mget(names)
    return {encoded for encoded in found if encoded and bounds.decode(encoded).plan.noise != file.sha256}
