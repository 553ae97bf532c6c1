"""Departures: rows leave the quarantine by steps, in which they are named, deleted and then counted.

A *step* takes out some rows. Their names go into the table ``leaving``; from then on the rows count as gone.
They are deleted by these names, counted in ``departures``, and the names forgotten. A step that was
interrupted is completed by the next process: it deletes the named rows, and counts those that are gone. So no
row is lost without being counted.

One process at a time does this, by a lease. A process that was frozen past its lease names nothing any more,
because a later step has begun.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from storage import errors
from storage.servers import clickhouse, sql
from storage.tables import writer

if TYPE_CHECKING:
    from collections.abc import Mapping

_SQL: Final = sql.beside(__name__)

DROPPED: Final = "dropped"
EXPIRED: Final = "expired"

NOT_DELETED: Final = "ClickHouse has not deleted the rows yet: try again."
"""The error while rows that were taken out are still in the table."""

_MOST: Final = 100_000
"""Rows of one step: their names fit into some ten megabytes of memory."""


def take_out(server: clickhouse.Connection, cause: str, where: str, parameters: Mapping[str, object]) -> None:
    """Delete the rows of the quarantine that meet a condition, and count them; whole parts are dropped.

    Args:
        server: a connection of a user who may alter tables.
        cause: why the rows leave.
        where: the condition, in SQL, over the columns receipt, item, project_id, reason and received only.
        parameters: the parameters of the condition.
    """
    complete(server)
    while True:
        step = _begin(server)
        if not _name(server, step, cause, where, parameters):
            return
        _complete(server, step, cause)


def complete(server: clickhouse.Connection) -> None:
    """Complete the steps that were interrupted."""
    for step, cause in server.execute(_SQL["open_steps"]):
        _complete(server, step, cause)
    for (step,) in server.execute(_SQL["closed_steps"]):
        server.execute(_SQL["forget_step"], {"step": step})


def _begin(server: clickhouse.Connection) -> int:
    """Return the number of a new step: earlier steps name nothing from now on."""
    ((latest,),) = server.execute(_SQL["latest_step"])
    step = int(latest) + 1
    _record(server, step, "", [(0, 0)])
    return step


def _name(
    server: clickhouse.Connection, step: int, cause: str, where: str, parameters: Mapping[str, object]
) -> bool:
    """Name some rows that meet the condition, and return whether there were any."""
    given = {**parameters, "step": step, "cause": cause, "most": _MOST}
    settings = {**writer.ANY_ROOM, "async_insert": 0, "insert_deduplicate": 0}
    server.execute(_SQL["name_rows"].format(where=where), given, settings=settings)
    return bool(server.execute(_SQL["any_named"], {"step": step}))


def _complete(server: clickhouse.Connection, step: int, cause: str) -> None:
    named = {"step": step}
    for (part,) in server.execute(_SQL["whole_parts"], named):
        with contextlib.suppress(clickhouse.QueryError):  # the part was merged just now
            server.execute(_SQL["drop_part"], {"part": part})
    if server.execute(_SQL["any_left"], named):
        server.execute(_SQL["delete_rows"], named)
    if server.execute(_SQL["any_left"], named):
        raise errors.ClickHouseUnavailableError(NOT_DELETED)
    _record(server, step, cause, server.execute(_SQL["gone"], named) or [(0, 0)])
    server.execute(_SQL["forget_step"], named)


def _record(server: clickhouse.Connection, step: int, cause: str, rows: list[tuple[int, int]]) -> None:
    """Record how many rows of each project left in a step; a repetition of the same record counts once."""
    columns: dict[str, list[Any]] = {
        "step": [step] * len(rows),
        "cause": [cause] * len(rows),
        "project_id": [project_id for project_id, _ in rows],
        "rows": [count for _, count in rows],
        "left_at": [int(time.time() * 1000)] * len(rows),
    }
    writer.insert(server, "departures", columns, f"departure:{step}:{cause}")
