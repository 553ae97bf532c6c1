"""Refusals: edges count the uploads that they refuse, and maintenance moves the counts to ``outcomes``.

Edges add up their refusals in a Redis hash; maintenance moves the hash to ClickHouse. A move is exactly once,
also when several processes make it: the hash is renamed first, the new name is the token of the insert, and
the process that drops the hash counts the reports in it.

An upload that an edge shed has outcome ``quota``, like the reports that workers leave out, so that its
reports belong to the ledger: they are counted as found when they move. All other refusals stand beside the
ledger. Refusals of a project that was deleted meanwhile are dropped.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import redis
import redis.asyncio

from storage.queue import streams
from storage.servers import redis_errors, scripts, sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis.exceptions

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

PENDING_KEY: Final = "headrace:refused"
REFUSED: Final = "refused"
SHED: Final = "quota"
REMEMBERED_S: Final = 86_400
"""Seconds for which the last flush of an edge is known; the edge repeats it while Redis is away."""
_MOVING: Final = "headrace:refused:moving"


class RefusalKey(NamedTuple):
    """The key by which refusals are counted.

    ``minute`` is in epoch seconds. Project 0 is an unknown project, and '' an unknown key. A refusal with the
    outcome ``SHED`` counts reports, any other refusal counts requests.
    """

    minute: int
    project_id: int
    key: str
    environment: str
    release: str
    reason: str
    outcome: str = REFUSED


_decoder = msgspec.json.Decoder(RefusalKey)


class Flush(NamedTuple):
    """Refusals of an edge since its last flush.

    Attributes:
        edge: a name that no other process has.
        number: higher than that of the flush before it, which was confirmed.
        counts: the refusals.
    """

    edge: str
    number: int
    counts: Mapping[RefusalKey, int]


async def flush(client: redis.asyncio.Redis, waiting: Flush) -> None:
    """Add an edge's refusals to those waiting in Redis, in one round trip.

    An edge may try its last flush again within ``REMEMBERED_S``: it is added once.

    Raises:
        RedisUnavailableError: Redis did not confirm them; try the same flush again later.
    """
    last = f"{PENDING_KEY}:flush:{waiting.edge}"
    pairs = [
        part
        for key, quantity in waiting.counts.items()
        for part in (msgspec.json.encode(key).decode(), quantity)
    ]
    with redis_errors.translated("did not take the refusals"):
        await scripts.COUNT_REFUSALS.run_async(
            client, (PENDING_KEY, last), waiting.number, REMEMBERED_S, *pairs
        )


def move(client: redis.Redis, server: clickhouse.Connection) -> int:
    """Move the waiting refusals to ClickHouse and return how many requests and reports they were.

    Raises:
        RecoverableError: Redis or ClickHouse is away; call it again later.
    """
    with redis_errors.translated("did not give the refusals"):
        name = _claim(client)
        return _store(client, server, name) if name else 0


def _claim(client: redis.Redis) -> str | None:
    """Return the hash to move: one that an earlier move left, else the waiting one under a new name."""
    name = f"{PENDING_KEY}:{secrets.token_hex(8)}"
    claimed = scripts.CLAIM_REFUSALS.run(client, (PENDING_KEY, _MOVING), name)
    return claimed.decode() if claimed else None


def _store(client: redis.Redis, server: clickhouse.Connection, name: str) -> int:
    from storage.tables import writer  # noqa: PLC0415 - the edge imports this module, and needs no driver

    fields: Any = client.hgetall(name)
    deleted = {number for (number,) in server.execute(_SQL["deleted_projects"])}
    decoded = ((_decoder.decode(key), int(quantity)) for key, quantity in sorted(fields.items()))
    rows = [(key, quantity) for key, quantity in decoded if key.project_id not in deleted]
    columns: dict[str, list[Any]] = {
        field: [getattr(key, field) for key, _ in rows] for field in RefusalKey._fields
    }
    columns |= {
        "kind": [""] * len(rows),
        "quantity": [quantity for _, quantity in rows],
    }
    writer.insert(server, "outcomes", columns, name)
    counts = [
        part
        for key, quantity in rows
        if key.outcome == SHED
        for part in (f"found:{key.project_id}", quantity)
    ]
    scripts.DROP_MOVED_REFUSALS.run(client, (name, _MOVING, streams.keys(0).ledger), *counts)
    return sum(quantity for _, quantity in rows)
