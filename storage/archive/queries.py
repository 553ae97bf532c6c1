"""Queries under way: a step that changes where reports are waits until those that began before it have ended.

A query reads once, in its beginning, which moves are under way, and so it sees the tables as they were then.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from storage import errors
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

WAIT_S: Final = 120.0
"""Seconds of waiting for queries; a move that waits for a longer one goes on at the next call."""
_POLL_S: Final = 0.02
_LONGEST_POLL_S: Final = 0.5


class LongQueryError(errors.RecoverableError):
    """A query has been running for so long that a step is left to the next call."""


def wait_for_earlier(
    server: clickhouse.Connection, require: Callable[[], None], wait_s: float = WAIT_S
) -> None:
    """Wait until all queries have ended that are running now, of whatever user.

    Args:
        server: a connection.
        require: called while waiting; raises where the work is no longer this process's.
        wait_s: seconds to wait.

    Raises:
        LongQueryError: one of them goes on.
    """
    deadline, pause = time.monotonic() + wait_s, _POLL_S
    earlier = _running(server)
    while earlier:
        if time.monotonic() >= deadline:
            raise LongQueryError(
                f"Query {min(earlier)} has been running for {wait_s:.0f} s: a move waits for its end."
            )
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_POLL_S)
        require()
        earlier &= _running(server)


def _running(server: clickhouse.Connection) -> set[str]:
    return {query_id for (query_id,) in server.execute(_SQL["running"])}
