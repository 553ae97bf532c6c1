"""Stores payloads again: they are appended, their source is noted, and they are counted, all in one step.

Guarantee: every noted payload was appended, and every appended payload is noted, whatever is killed. So
nothing is stored twice by a process that looks at the notes first. Nothing is appended for a project that
takes no reports by the registry as it is published at that moment.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis

from storage import errors
from storage.projects import registry
from storage.quarantine import quarantined
from storage.queue import appends
from storage.servers import clocks, leases, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import redis.exceptions

    from storage.queue import envelope

REPLAYED_KEY: Final = "headrace:quarantine:replayed"
"""Redis hash: rows of the quarantine that were stored again, and are not removed yet, by name."""


class StaleRegistryError(errors.HeadraceError):
    """The registry changed meanwhile: look again which projects take reports."""


class NotedError(errors.HeadraceError):
    """Another process stored these payloads meanwhile."""


class Note(NamedTuple):
    """A field of the notes: its value before, empty for none, and its value once the payloads are stored."""

    field: str
    before: str
    after: str


class Source(NamedTuple):
    """The source of payloads, as far as it must not change while they are stored.

    Attributes:
        version: the version of the registry by which they were chosen.
        key: the Redis key of the notes.
        notes: the notes.
        keep_s: how long the notes are kept, in seconds; 0 is for ever.
        lease: the lease that the process must still hold, if any.
        counts: the amounts that are added to the ledger, by field.
    """

    version: int
    key: str
    notes: Sequence[Note]
    keep_s: int = 0
    lease: leases.ProcessLease | None = None
    counts: Mapping[str, int] = {}


def append(
    client: redis.Redis, groups: Mapping[int, list[envelope.Payload]], source: Source
) -> dict[int, str]:
    """Append one entry to each stream, at least one, and return their ids by stream.

    Raises:
        StaleRegistryError: nothing was stored, because the registry is another one by now.
        NotedError: nothing was stored, because a note says something else.
        LeaseLostError: nothing was stored, because the lease is another's.
        RedisUnavailableError: Redis did not confirm it; after a time-out it may be stored all the same.
    """
    answer = _append(client, groups, source)
    if answer[0] == b"lost" and source.lease is not None:
        source.lease.require()  # a lease that lapsed and was not acquired since is renewed
        answer = _append(client, groups, source)
    match answer[0]:
        case b"stored":
            return {stream: entry_id.decode() for stream, entry_id in zip(groups, answer[1:], strict=True)}
        case b"stale":
            raise StaleRegistryError("The registry changed meanwhile.")
        case b"noted":
            raise NotedError("Another command stored these payloads meanwhile.")
        case _:
            raise errors.LeaseLostError(leases.LOST)


def _append(client: redis.Redis, groups: Mapping[int, list[envelope.Payload]], source: Source) -> list[bytes]:
    token, lease = (source.lease.token, source.lease.key) if source.lease else ("", source.key)
    streamed, entries = appends.encoded(appends.grouped(groups))
    names = [registry.VERSION_KEY, lease, source.key, clocks.KEY, appends.GENERATION_KEY, *streamed]
    notes = [part for note in source.notes for part in note]
    counts = [part for count in source.counts.items() for part in count]
    arguments = (
        *(source.version, token, source.keep_s),
        *(int(time.time() * 1000), clocks.SLACK_MS),
        *(len(source.notes), *notes),
        *(len(source.counts), *counts),
        *entries,
    )
    with redis_errors.translated("did not take the payloads"):
        answer: list[bytes] = scripts.APPEND_REPLAYED_ENTRIES.run(client, names, *arguments)
    return answer


def noted(client: redis.Redis) -> list[quarantined.Name]:
    """Return the rows of the quarantine that were stored again, and may still be there.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated():
        fields: Any = client.hkeys(REPLAYED_KEY)
    return [quarantined.Name.parse(field.decode()) for field in fields]


def forget(client: redis.Redis, names: Iterable[quarantined.Name]) -> None:
    """Forget the notes on rows that are removed.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    fields = [str(name) for name in names]
    if not fields:
        return
    with redis_errors.translated():
        client.hdel(REPLAYED_KEY, *fields)


def position(client: redis.Redis, key: str) -> str:
    """Return how far a replay of files came, as it noted it; empty if it did not begin, or has ended.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated():
        value: Any = client.hget(key, POSITION)
    return value.decode() if value else ""


def finished(client: redis.Redis, key: str) -> None:
    """Forget how far a replay of files came.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated():
        client.delete(key)


POSITION: Final = "position"
"""The field that says how many captures of some files were stored."""
