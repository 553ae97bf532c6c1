"""Settlements: differences in the ledger with a known reason, such as a backup that was restored.

A difference is recorded, not mended: from then on ``headrace verify`` tells only of differences beyond it.
Findings alone are mended: their months are noted, and counted again from the reports that are there.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import redis

from storage import errors
from storage.findings import due
from storage.ledger import equations
from storage.servers import redis_errors
from storage.tables import writer

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis.exceptions

    from storage.servers import clickhouse

_PAYLOADS: Final = "payloads"
_COUNTED_AGAIN: Final = frozenset({"findings", "labels"})
"""The equations that hold once findings were counted again."""


class SettlementError(errors.HeadraceError):
    """The books cannot be settled now."""


def open_differences(
    server: clickhouse.Connection, client: redis.Redis, shards: int
) -> list[tuple[equations.Line, equations.Difference]]:
    """Return the differences that can be settled, while no report moves.

    Raises:
        SettlementError: payloads wait, or are gone from the queue; or reports came in meanwhile.
        RecoverableError: Redis or ClickHouse did not answer.
    """
    before = equations.counters(client, shards)
    lines = equations.verify(server, client, shards)
    if lines != equations.verify(server, client, shards) or before != equations.counters(client, shards):
        raise SettlementError("Reports are coming in: settle while nothing is sent.")
    found = [(line, difference) for line in lines for difference in line.differences]
    if any(difference.equation == _PAYLOADS for _, difference in found):
        raise SettlementError("Payloads wait in the queue, or are gone from it: let it drain first.")
    return found


def settle(
    server: clickhouse.Connection,
    client: redis.Redis,
    found: Iterable[tuple[equations.Line, equations.Difference]],
    reason: str,
) -> None:
    """Record differences as settled, all in one step, and with them the breaks that were found until now.

    Months whose findings differ from their reports are noted before: maintenance counts them again.
    """
    found = list(found)
    for line in {line.project_id: line for line, _ in found}.values():
        if line.uneven:
            due.note(server, line.project_id, line.uneven)
    with redis_errors.translated("did not tell the time"):
        seconds, micros = client.time()
    rows = [
        (line.project_id, difference.equation, difference.amount)
        for line, difference in found
        if difference.equation not in _COUNTED_AGAIN
    ]
    rows = rows or [(0, "", 0)]
    columns: dict[str, list[Any]] = {
        "settled": [seconds * 1000 + micros // 1000] * len(rows),
        "project_id": [project for project, _, _ in rows],
        "equation": [equation for _, equation, _ in rows],
        "amount": [amount for _, _, amount in rows],
        "reason": [reason] * len(rows),
    }
    writer.insert(server, "settlements", columns, f"settlement:{secrets.token_hex(8)}")
