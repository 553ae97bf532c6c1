"""``headrace verify``: was anything lost, or counted twice?"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy import backends
from deploy.cli import options, output
from storage import ledger

if TYPE_CHECKING:
    import redis

POLL_S: Final = 0.2


def verify(
    *,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the queue to be drained.")] = 0.0,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Check that nothing was lost or counted twice; exit 1 when the ledger does not balance."""
    system = options.locate(data)
    with (
        contextlib.closing(backends.connect_redis(system.redis_url)) as client,
        backends.connected(system.clickhouse) as server,
    ):
        _wait_drained(client, system.shards, wait)
        lines = ledger.verify(server, client, system.shards)
    balanced = all(line.balanced for line in lines)
    waiting = sum(line.backlog for line in lines)
    if as_json:
        projects = [_line(line) for line in lines]
        output.json({"balanced": balanced, "backlog": waiting, "projects": projects})
    else:
        _show_ledger(lines, waiting)
    if not balanced:
        raise typer.Exit(1)


def _wait_drained(client: redis.Redis, shards: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and ledger.backlog(client, shards):
        time.sleep(POLL_S)


def _line(line: ledger.Line) -> dict[str, object]:
    return {
        "project_id": line.project_id,
        "acknowledged": line.acknowledged,
        "committed": line.committed,
        "found": line.found,
        "outcomes": line.outcomes,
        "accepted": line.accepted,
        "seen": line.seen,
        "balanced": line.balanced,
    }


def _show_ledger(lines: list[ledger.Line], waiting: int) -> None:
    equations = (
        ("payloads acknowledged = committed", "acknowledged", "committed"),
        ("reports found = outcomes", "found", "outcomes"),
        ("reports accepted = seen", "accepted", "seen"),
    )
    for title, left, right in equations:
        wrong = [line for line in lines if getattr(line, left) != getattr(line, right)]
        totals = [sum(getattr(line, side) for line in lines) for side in (left, right)]
        where = ", ".join(str(line.project_id) for line in wrong)
        verdict = f"DIFFERS in project {where}" if wrong else "holds"
        output.copyable(f"{title:34} {totals[0]:>12,} = {totals[1]:>12,}   {verdict}")
    if waiting:
        output.copyable(f"The queue is not drained: {waiting:,} payloads are waiting.")
