"""The queue's streams: their Redis keys, and how their entries are read.

The edge appends entries to Redis streams (``appenders``), and one worker at a time drains a stream in batches
(``batches``). An installation with N shards has 2N streams, see ``isolation``.

Guarantees, given a Redis with AOF and ``noeviction``:

* An append is atomic with its count in the ledger, and carried out once, however often it arrives.
* An entry has its own time of receipt; its id is nothing but its place in the stream.
* Only the holder of the newest fencing token can bind or commit a batch. A drainer that lost its lease
  without noticing gets ``LeaseLostError`` and changes nothing.
* The bounds of a batch are stored before its work begins and leave with its entries in one step, so that the
  drainer that comes next processes exactly that batch again.

Warning: an append that times out may have been stored. The caller was told it failed and the report may be
counted once. It is never counted twice, however often it is repeated: Redis knows an append (``appends``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from storage.queue import entry_ids
from storage.servers import redis_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import redis

DEFAULT_SHARDS: Final = 16

PROJECT_COUNTS: Final = b"n"
"""The field of an entry that says how many payloads of which project it holds."""
VALUE: Final = b"p"
"""The field of an entry that holds its payloads."""
RECEIVED: Final = b"t"
"""The field of an entry that holds its time of receipt (ms); entries of earlier releases have none."""


class Keys(NamedTuple):
    """The Redis keys of one stream; the hash tag keeps them on one node of a cluster."""

    stream: str
    lease: str
    fence: str
    bounds: str
    attempts: str
    begun: str
    ledger: str


def keys(stream: int) -> Keys:
    """Return the Redis keys of a stream."""
    return Keys(*(f"headrace:{{{stream}}}:{name}" for name in Keys._fields))


class StoredEntry(NamedTuple):
    """An entry as it lies in the stream.

    ``project_counts`` says how many payloads of which project it holds, even when ``value`` is corrupt;
    ``received_ms`` is the time of receipt, in milliseconds since the epoch.
    """

    id: str
    project_counts: dict[int, int]
    value: bytes
    received_ms: int


def entries(client: redis.Redis, numbers: Iterable[int]) -> int:
    """Return how many entries lie in these streams.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated("did not count"), client.pipeline(transaction=False) as pipeline:
        for number in numbers:
            pipeline.xlen(keys(number).stream)
        return sum(pipeline.execute())


def entry(entry_id: bytes, project_counts: bytes, value: bytes, received: bytes | None = None) -> StoredEntry:
    """Return an entry from its parts, as ``queue/read_entries.lua`` gives them."""
    numbers = [int(number) for number in project_counts.split()]
    counts = dict(zip(numbers[::2], numbers[1::2], strict=True))
    return StoredEntry(entry_id.decode(), counts, value, _received_ms(entry_id, received))


def entry_of_fields(entry_id: bytes, fields: Mapping[bytes, bytes]) -> StoredEntry:
    """Return an entry from its fields, as ``XRANGE`` gives them."""
    return entry(entry_id, fields[PROJECT_COUNTS], fields[VALUE], fields.get(RECEIVED))


def received_ms(entry_id: bytes, fields: Mapping[bytes, bytes]) -> int:
    """Return the time of receipt of an entry from its fields, in milliseconds since the epoch."""
    return _received_ms(entry_id, fields.get(RECEIVED))


def _received_ms(entry_id: bytes, received: bytes | None) -> int:
    """Return the time of receipt; an entry of an earlier release was received when its id says."""
    return int(received) if received and received.isdigit() else entry_ids.parse(entry_id).ms
