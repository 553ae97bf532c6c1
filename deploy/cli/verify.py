"""``headrace verify``: was anything lost, or counted twice?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from deploy.cli import options
from deploy.printing import output, times
from deploy.running import located
from storage.ledger import equations, marks
from storage.projects import registry
from storage.queue import appends, drift, isolation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import redis

POLL_S: Final = 0.2
_EQUATIONS: Final = (
    ("payloads", "payloads acknowledged = committed", "acknowledged", "committed"),
    ("outcomes", "reports found = outcomes", "found", "outcomes"),
    ("reports", "reports accepted = seen", "accepted", "seen"),
    ("findings", "reports accepted = in findings", "accepted", "findings"),
    ("labels", "reports seen = labelled alike", "seen", "labelled"),
    (
        "quarantine",
        "rows quarantined = held + replayed + dropped + expired + beyond",
        "quarantined",
        "placed",
    ),
)


def verify(
    *,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the queue to be drained.")] = 0.0,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Check that nothing was lost or counted twice; exit 1 when the ledger does not balance."""
    system = options.locate(data)
    with located.connected(system) as (client, server):
        _wait_drained(client, system.shards, wait)
        lines = equations.verify(server, client, system.shards)
        names = registry.Registry(server).names()
        repeated = appends.repeated(client)
        ahead = drift.find(client, isolation.present(client, system.shards))
        breaks = marks.breaks(server)
    balanced = all(line.balanced for line in lines)
    waiting = sum(line.backlog for line in lines)
    if as_json:
        projects = [_details(line, names.get(line.project_id, "")) for line in lines]
        noted = {
            "breaks": [each._asdict() for each in breaks],
            "repeated": repeated,
            "streams_ahead": sorted(ahead),
        }
        output.json({"balanced": balanced, "backlog": waiting, "projects": projects, **noted})
    else:
        _show_ledger(lines, names, waiting)
        _show_notes(lines, repeated, ahead)
        for each in breaks:
            output.copyable(_sentence(each))
    if not balanced:
        raise typer.Exit(1)


def _wait_drained(client: redis.Redis, shards: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and equations.backlog(client, shards):
        time.sleep(POLL_S)


def _details(line: equations.Line, name: str) -> dict[str, object]:
    return {
        **msgspec.structs.asdict(line),
        "name": name,
        "balanced": line.balanced,
        "differences": [difference._asdict() for difference in line.differences],
    }


def _show_ledger(lines: list[equations.Line], names: dict[int, str], waiting: int) -> None:
    rows = [row for line in lines for row in _rows(line, names.get(line.project_id, "no known project"))]
    if rows:
        output.table(("project", "equation", "left", "right", "difference", "where"), rows)
    differing = sum(not line.balanced for line in lines)
    result = (
        f"The ledger DIFFERS in {differing} of {len(lines)} projects." if differing else "All of it holds."
    )
    output.copyable(result)
    if waiting:
        output.copyable(f"The queue is not drained: {waiting:,} payloads are waiting.")


def _show_notes(lines: Iterable[equations.Line], repeated: Mapping[int, int], ahead: Iterable[int]) -> None:
    """Tell of months to be counted again, payloads that reached Redis twice, and streams that are ahead."""
    for line in lines:
        if line.recounted:
            months = ", ".join(f"{month // 100}-{month % 100:02}" for month in line.recounted)
            output.copyable(f"Findings of project {line.project_id} are to be counted again: {months}.")
    if repeated:
        output.copyable(f"{sum(repeated.values()):,} payloads reached Redis twice and were stored once.")
    for stream in ahead:
        output.copyable(f"Stream {stream} is ahead of the clock until it is drained.")


def _settled(line: equations.Line, equation: str) -> str:
    amount = line.settled.get("reports" if equation == "findings" else equation, 0)
    return f"{amount:+,} settled" if amount else ""


def _sentence(found: marks.Break) -> str:
    """Return a sentence about a break: which reports it lost or doubled."""
    until = _minute(found.until_ms)
    redis_is_behind = found.store == "redis"
    behind, ahead = ("Redis", "ClickHouse") if redis_is_behind else ("ClickHouse", "Redis")
    if not found.since_ms:
        lost = "what waited" if redis_is_behind else "what was stored"
        return f"{behind} was emptied while {ahead} stood at {until}: {lost} is lost."
    lost = (
        "what waited at that time may be stored twice, what came and waited later is lost"
        if redis_is_behind
        else "what was stored in between is lost"
    )
    return f"{behind} stood at {_minute(found.since_ms)} while {ahead} stood at {until}: {lost}."


def _minute(ms: int) -> str:
    found = times.utc(ms)
    return f"{found:%Y-%m-%d %H:%M} UTC" if found else "a time beyond the calendar"


def _rows(line: equations.Line, name: str) -> list[tuple[str, str, str, str, str, str]]:
    found = {difference.equation: difference for difference in line.differences}
    rows = []
    for number, (equation, title, left, right) in enumerate(_EQUATIONS):
        difference = found.get(equation)
        rows.append(
            (
                f"{name} ({line.project_id})" if number == 0 else "",
                title,
                f"{getattr(line, left):,}",
                f"{getattr(line, right):,}",
                f"{difference.amount:+,}" if difference else "holds",
                difference.where if difference else _settled(line, equation),
            )
        )
    return rows
