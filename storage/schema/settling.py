"""Waits until nothing that began earlier changes a table any more: inserts under way, and mutations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from storage.schema import progress
from storage.servers import clickhouse, sql

if TYPE_CHECKING:
    from storage.schema import claims

_SQL: Final = sql.beside(__name__)

_POLL_S: Final = 0.2


def settle(server: clickhouse.Connection, claim: claims.Claim, table: str, report: progress.Report) -> None:
    """Wait for inserts into the database that began before this call, and for all mutations of a table.

    Args:
        server: a connection.
        claim: the claim on the database.
        table: one of Headrace's own, under a name by which nobody inserts any more.
        report: told what is waited for.

    Raises:
        TakenOverError: another process migrates the database now.
        ClickHouseUnavailableError: ClickHouse is not reachable.
        QueryError: a mutation fails.
    """
    early = _inserts(server)
    while early:
        report(progress.Progress(f"Waiting for {len(early)} inserts that began earlier"))
        _pause(claim)
        early &= _inserts(server)
    while pending := _mutations(server, table):
        report(progress.Progress(f"Waiting for {pending} mutations of {table} that began earlier"))
        _pause(claim)


def _inserts(server: clickhouse.Connection) -> set[str]:
    return {query_id for (query_id,) in server.execute(_SQL["inserts"])}


def _mutations(server: clickhouse.Connection, table: str) -> int:
    ((pending, failure),) = server.execute(_SQL["mutations"], {"table": table})
    if failure:
        raise clickhouse.QueryError(f"A mutation of {table} that began earlier fails: {failure}")
    return int(pending)


def _pause(claim: claims.Claim) -> None:
    time.sleep(_POLL_S)
    claim.require()
