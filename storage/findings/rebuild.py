"""Counts the findings of a project and month again from ``reports``, and puts them in place at once.

Guarantee: when a rebuild returns, ``finding_days`` and ``policy_days`` say of that month what the stored
reports said at one moment and have said ever since. Queries see the rows of before or those of after. A
rebuild that is killed leaves its month due, and the next one takes it up.

1. The notes of the month are taken over: of a process that was suspended, no change of labels takes effect
   any more, and changes that ClickHouse still makes are waited for.
2. Drains are paused. Day by day the rows are counted into side tables, which then replace the partitions.
3. If the pause lasted until then, nothing came in meanwhile, and the notes are finished.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from storage.findings import due
from storage.queue import pause
from storage.servers import sql
from storage.tables import labels

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse, leases

_SQL: Final = sql.beside(__name__)

_TABLES: Final = ("finding_days", "policy_days")
_IN_PLACE: Final = {
    "finding_days": ("replace_finding_days", "drop_finding_days"),
    "policy_days": ("replace_policy_days", "drop_policy_days"),
}
"""The statements that put what was counted, and nothing, in the place of what was there."""
_MOST_BYTES: Final = 400_000_000
"""Memory that the groups of a day may take before ClickHouse writes them to its disk."""
_COUNT: Final = {
    "max_bytes_before_external_group_by": _MOST_BYTES,
    "insert_deduplicate": 0,
    "min_free_disk_bytes_to_perform_insert": 0,  # what is put in place makes room for what was there
}
_DECEMBER: Final = 12


def finish_due(
    server: clickhouse.Connection, client: redis.Redis, shards: int, lease: leases.ProcessLease
) -> list[due.Month]:
    """Count again all months that are due, and return them; most calls find none.

    Args:
        server: a connection that waits for ``clickhouse.MUTATION_S``, of a user who may alter tables.
        client: the Redis that holds the queue.
        shards: number of shards.
        lease: ``leases.STORED_ROWS``.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer, or drains cannot be paused.
        LeaseLostError: another process took the lease; what is left stays due.
        UnsettledError: ClickHouse is still at an earlier change of labels.
    """
    found = due.months(server)
    for month in found:
        lease.require()
        rebuild(server, client, shards, month)
    return found


def rebuild(server: clickhouse.Connection, client: redis.Redis, shards: int, month: due.Month) -> None:
    """Count the findings of a month again.

    Args:
        server: as in ``finish_due``; its process holds ``leases.STORED_ROWS``.
        client: the Redis that holds the queue.
        shards: number of shards.
        month: the month, noted.

    Raises:
        RecoverableError, LeaseLostError, UnsettledError: as in ``finish_due``.
    """
    own = due.take_over(server, month)
    labels.settle(server)
    _drop_sides(server)
    sides = {table: f"{table}_again_{secrets.token_hex(8)}" for table in _TABLES}
    for table, side in sides.items():
        server.execute(_SQL["create"].format(side=side, table=table))
    with pause.drains(client, shards) as held:
        _count(server, own, sides)
        held.require()
        for table, side in sides.items():
            _put_in_place(server, month, table, side)
        held.require()  # a batch that came in meanwhile would be missing
    due.finish(server, own)
    for side in sides.values():
        server.execute(_SQL["drop"].format(side=side))


def stored_months(server: clickhouse.Connection) -> list[tuple[int, int]]:
    """Return the project and month of all reports and findings that are stored."""
    found: list[tuple[int, int]] = server.execute(_SQL["months"])
    return found


def _count(server: clickhouse.Connection, month: due.Month, sides: dict[str, str]) -> None:
    findings, policies = (sides[table] for table in _TABLES)
    year, number = divmod(month.month, 100)
    following = (year + 1, 1) if number == _DECEMBER else (year, number + 1)
    where: dict[str, object] = {
        "project": month.project_id,
        "month": month.month,
        "since": f"{year:04}-{number:02}-01",
        "until": "{:04}-{:02}-01".format(*following),
    }
    server.execute(_SQL["keep_policies"].format(side=policies), where, settings=_COUNT)
    for (day,) in server.execute(_SQL["days"], where):
        of_day = {**where, "day": day}
        server.execute(_SQL["count_findings"].format(side=findings), of_day, settings=_COUNT)
        server.execute(_SQL["count_policies"].format(side=policies), of_day, settings=_COUNT)


def _put_in_place(server: clickhouse.Connection, month: due.Month, table: str, side: str) -> None:
    # Newer servers refuse to replace a partition by nothing.
    replace, drop = _IN_PLACE[table]
    statement = replace if server.execute(_SQL["any"].format(side=side)) else drop
    where = {"project": month.project_id, "month": month.month}
    server.execute(_SQL[statement].format(side=side), where)


def _drop_sides(server: clickhouse.Connection) -> None:
    """Drop the side tables of rebuilds that died: one that was only suspended then puts nothing in place."""
    for (side,) in server.execute(_SQL["leftovers"]):
        server.execute(_SQL["drop"].format(side=side))
