"""The retry memory: which reports a stream counted that a browser may send again.

A memory is a Redis hash for one stream and one slice of time (of receipt). Its keys are hashes of a report
and its sender, its values two times and a count: neither says anything about a person. An item takes about 50
bytes (measured with Valkey 9; older servers need up to twice that).

Bounds: at most ``MOST`` items in a memory, of which a stream has two that are in use and one that is about to
expire; and nothing more is noted while Redis is filled to ``SHARE`` percent, by whatever it may be. A report
that is not in the memory is counted each time that it is sent.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import redis

from storage.servers import redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import redis.exceptions

SLICE_S: Final = 1200
"""Seconds of a slice of time, and the longest retry window for which two slices are enough to ask."""
MOST: Final = 100_000
"""Items in a memory. Sixteen streams with three full memories each take about 240 MB."""
SHARE: Final = 40
"""Percent of ``maxmemory``: half of what the edge fills by default. The rest is for the queue alone."""
_CHUNK: Final = 1_000
"""Items of one script: Redis is busy for about a millisecond."""
_TIME_BITS: Final = 32
_AGE_BITS: Final = 20
MAX_AGE_S: Final = (1 << _AGE_BITS) - 1
"""The highest age of a report at its receipt that a value holds, twelve days."""
MAX_RETRIES: Final = 7
"""The highest count of retries that a value holds."""


class CountedReport(NamedTuple):
    """A report that was counted: when it was received and when it occurred, in seconds since the epoch.

    ``retries`` is how many reports were taken for retries of it since.
    """

    received_s: int
    occurred_s: int
    retries: int = 0

    @classmethod
    def decode(cls, value: int) -> CountedReport:
        """Return the report that ``encode`` made a number."""
        received_s = value & ((1 << _TIME_BITS) - 1)
        age_s = value >> _TIME_BITS & MAX_AGE_S
        return cls(received_s, received_s - age_s, value >> _TIME_BITS + _AGE_BITS)

    def encode(self) -> int:
        """Return the report as one number of 64 bits."""
        received_s, occurred_s, retries = self
        age_s = min(received_s - occurred_s, MAX_AGE_S)
        return received_s | age_s << _TIME_BITS | min(retries, MAX_RETRIES) << _TIME_BITS + _AGE_BITS


def find(client: redis.Redis, stream: int, wanted: Mapping[int, Iterable[int]]) -> dict[int, CountedReport]:
    """Return which reports were counted, by key, in one round trip.

    Args:
        client: a synchronous client without retries.
        stream: the stream.
        wanted: the keys that each slice is asked for, by number of the slice (``slices``).

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    chunks = [(number, chunk) for number in sorted(wanted) for chunk in _chunks(list(wanted[number]))]
    if not chunks:
        return {}
    with redis_errors.translated(), client.pipeline(transaction=False) as pipeline:
        for number, chunk in chunks:
            scripts.FIND_COUNTED_REPORTS.add_to(pipeline, (_name(stream, number),), _packed(chunk))
        answers: list[bytes] = pipeline.execute()
    return {
        key: CountedReport.decode(value)
        for (_, chunk), answer in zip(chunks, answers, strict=True)
        for key, value in zip(chunk, _unpacked(answer), strict=True)
        if value
    }


def note(client: redis.Redis, stream: int, counted: Mapping[int, CountedReport]) -> None:
    """Note reports that were counted, by key, in one round trip; to repeat it changes nothing.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    memories: dict[int, list[int]] = {}
    for key, report in counted.items():
        memories.setdefault(report.received_s // SLICE_S, []).extend((key, report.encode()))
    with redis_errors.translated(), client.pipeline(transaction=False) as pipeline:
        for number, items in memories.items():
            for chunk in _chunks(items, 2 * _CHUNK):
                arguments = (MOST, SHARE, 3 * SLICE_S, _packed(chunk))
                scripts.NOTE_COUNTED_REPORTS.add_to(pipeline, (_name(stream, number),), *arguments)
        pipeline.execute()


def slices(received_s: int, window_s: int) -> range:
    """Return the numbers of the slices in which a report may have been received before."""
    return range((received_s - window_s) // SLICE_S, received_s // SLICE_S + 1)


def _name(stream: int, number: int) -> str:
    """Return the Redis key of a memory; it keeps the name that earlier releases gave it."""
    return f"headrace:{{{stream}}}:resends:{number}"


def _chunks(items: list[int], size: int = _CHUNK) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _packed(numbers: list[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def _unpacked(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(packed) // 8}Q", packed)
