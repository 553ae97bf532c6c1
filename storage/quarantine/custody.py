"""Custody: one process at a time takes rows out of the quarantine, and finishes interrupted work first."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec
import redis

from storage import errors
from storage.quarantine import departures, quarantined, resubmission
from storage.queue import entry_ids, isolation, streams
from storage.servers import clickhouse, leases, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import redis.exceptions


@contextlib.contextmanager
def taken(
    server: clickhouse.Connection, client: redis.Redis, wait_s: float = leases.WAIT_S
) -> Iterator[leases.ProcessLease]:
    """Hold the right to take rows out during the block.

    Raises:
        LeaseTakenError: another process has it.
        RecoverableError: Redis or ClickHouse did not answer.
    """
    with leases.hold(client, leases.QUARANTINE, wait_s) as lease:
        release(server, client, resubmission.noted(client))
        departures.complete(server)
        yield lease


def release(server: clickhouse.Connection, client: redis.Redis, names: Sequence[quarantined.Name]) -> None:
    """Remove rows that were stored again, and then the notes on them.

    Raises:
        ClickHouseUnavailableError: they are not removed yet; the next process that has the right removes
        them.
    """
    if not quarantined.remove(server, names):
        raise errors.ClickHouseUnavailableError(departures.NOT_DELETED)
    resubmission.forget(client, names)


def expire(
    server: clickhouse.Connection, client: redis.Redis, shards: int, trusts: Callable[[int], bool]
) -> int:
    """Remove rows that have expired, and return how many they were; most calls find none.

    Args:
        server: a connection of a user who may delete rows.
        client: the queue's Redis.
        shards: number of shards.
        trusts: asked for the time (ms since the epoch); if it says no, nothing is removed for now.

    Raises:
        LeaseTakenError: another process takes rows out just now.
        RecoverableError: Redis or ClickHouse did not answer.
    """
    every = committed(client, shards, quarantined.Selection())
    now_ms = min(every.others_ms, clickhouse.now_ms(server))
    old = quarantined.expired(now_ms, every)
    if not trusts(now_ms) or not quarantined.extent(server, old).rows:
        return 0
    with taken(server, client, 0):
        rows, _ = quarantined.extent(server, old)
        quarantined.drop_expired(server, old)
        return rows


def committed(client: redis.Redis, shards: int, selection: quarantined.Selection) -> quarantined.Selection:
    """Return the same selection without rows of batches that are not committed: they may be inserted again.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    numbers = isolation.present(client, shards)
    with redis_errors.translated(), client.pipeline(transaction=True) as pipeline:
        pipeline.time()
        for number in numbers:
            scripts.FIND_OLDEST_ENTRY.add_to(pipeline, (streams.keys(number).stream,))
        (seconds, micros), *found = pipeline.execute()
    heads = [_head(number, last) for number, last in zip(numbers, found, strict=True) if last is not None]
    return msgspec.structs.replace(selection, heads=tuple(heads), others_ms=seconds * 1000 + micros // 1000)


def _head(number: int, head: bytes) -> quarantined.StreamHead:
    return quarantined.StreamHead(number, *entry_ids.parse(head))
