"""One append: a script call for all its streams, numbered, so that it is carried out once.

A producer is one edge process, or one command: it sends one append after the other. Its name and the number
of each append are the append's identity. Redis keeps the last append of each producer for ``REMEMBERED_S``.
Should it arrive again, whatever repeats it on the way, it is answered as before, not stored again, and
counted in ``REPEATED_KEY``. An append that arrives after a later one was given up by its producer, and is
refused.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis

from storage.queue import envelope, streams
from storage.servers import clocks, redis_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import redis.exceptions

REMEMBERED_S: Final = 600
"""How long the last append of a producer is known: far longer than anything holds a command back."""
REPEATED_KEY: Final = "headrace:repeated"
"""Redis hash: payloads that arrived again with their append, by project."""
GENERATION_KEY: Final = "headrace:generation"
"""Redis string: how often ids of streams were brought back to the clock, see ``queue/realign_ids.lua``."""
GENERATION: Final = 1 << 32
"""Sequence numbers of one generation of ids."""
_REFUSED: Final = b"-"


class Group(NamedTuple):
    """The payloads for one stream: the Redis keys of the stream and its ledger, and the payloads."""

    stream: str
    ledger: str
    payloads: list[envelope.Payload]


class Call(NamedTuple):
    """One append: the Redis keys and the other arguments of the script that carries it out."""

    keys: list[str]
    arguments: list[Any]


class Producer:
    """Makes the appends of one process.

    Args:
        whole: whether an append is refused as a whole when Redis cannot store a part of it.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._name = ""
        self._process = 0
        self._number = 0

    def next_call(self, groups: Iterable[Group], at_s: float) -> Call:
        """Return the next append: the keys and arguments for ``queue/append_entries.lua``.

        Args:
            groups: the payloads for each stream, in the order of the answer.
            at_s: the time by the producer's clock, in seconds since the epoch.
        """
        self._number += 1
        keys = [self._last_append, clocks.KEY, GENERATION_KEY, REPEATED_KEY]
        values: list[Any] = [self._number, REMEMBERED_S, int(at_s * 1000), clocks.SLACK_MS, int(self._whole)]
        names, entries = encoded(groups)
        return Call([*keys, *names], [*values, *entries])

    @property
    def _last_append(self) -> str:
        """The Redis key of this producer's last append: a process that was forked is another producer."""
        if self._process != os.getpid():
            self._process, self._name = os.getpid(), secrets.token_hex(8)
        return f"headrace:append:{self._name}"


def grouped(groups: Mapping[int, list[envelope.Payload]]) -> Iterator[Group]:
    """Yield the groups of an append from the payloads for each stream."""
    for number, payloads in groups.items():
        names = streams.keys(number)
        yield Group(names.stream, names.ledger, payloads)


def encoded(groups: Iterable[Group]) -> tuple[list[str], list[Any]]:
    """Return the keys and the other arguments by which a script that appends is told of the entries."""
    keys: list[str] = []
    values: list[Any] = []
    for stream, ledger, payloads in groups:
        keys += (stream, ledger)
        values += (_project_counts(payloads), envelope.encode(payloads))
    return keys, values


def parted(numbers: Iterable[int], answers: Sequence[bytes]) -> tuple[dict[int, str], dict[int, str]]:
    """Return the ids of the entries that were stored, and why others were not, each by stream."""
    stored: dict[int, str] = {}
    refused: dict[int, str] = {}
    for number, answer in zip(numbers, answers, strict=True):
        if answer.startswith(_REFUSED):
            refused[number] = answer[1:].decode("utf-8", "replace")
        else:
            stored[number] = answer.decode()
    return stored, refused


def repeated(client: redis.Redis) -> dict[int, int]:
    """Return by project how many payloads arrived again with their append, and were stored once.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated():
        counted: Any = client.hgetall(REPEATED_KEY)
    return {int(project): int(payloads) for project, payloads in counted.items()}


def _project_counts(payloads: list[envelope.Payload]) -> str:
    counts = Counter(payload.project_id for payload in payloads)
    return " ".join(f"{project} {count}" for project, count in counts.items())
