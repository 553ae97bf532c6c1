"""``headrace rebuild-findings``: count the findings of stored reports again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli import options
from deploy.printing import output
from deploy.running import located
from storage.findings import due, rebuild
from storage.projects import registry
from storage.servers import clickhouse, leases

if TYPE_CHECKING:
    from storage.findings.due import Month


def _month(text: str) -> int:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise ValueError("a month such as 2026-11")
    return int(text.replace("-", ""))


OneMonth = Annotated[
    int | None,
    typer.Option(
        "--month", parser=options.parsed(_month), metavar="YYYY-MM", help="Only this month, UTC, else all."
    ),
]


def rebuild_findings(
    *,
    project: options.OnlyProject = "",
    month: OneMonth = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Count the findings of stored reports again, month by month; the queue holds what comes in meanwhile."""
    system = options.locate(data)
    with (
        located.connected(system, send_receive_timeout=clickhouse.MUTATION_S) as (client, server),
        leases.hold(client, leases.STORED_ROWS, leases.WAIT_S) as lease,
    ):
        number = registry.Registry(server).get(project).id if project else None
        names = registry.Registry(server).names()
        _note(server, number, month)
        counted = []
        with output.progress("counting findings") as bar:
            for each in bar.track(due.months(server)):
                lease.require()
                rebuild.rebuild(server, client, system.shards, each)
                counted.append(each)
    rows = [(names.get(each.project_id, str(each.project_id)), _shown(each)) for each in counted]
    if as_json:
        output.json([{"project": name, "month": shown} for name, shown in rows])
        return
    if rows:
        output.table(("project", "month"), rows)
    output.copyable(f"The findings of {len(rows):,} months are counted again.")


def _note(server: clickhouse.Connection, number: int | None, month: int | None) -> None:
    for project_id, found in rebuild.stored_months(server):
        if number in {None, project_id} and month in {None, found}:
            due.note(server, project_id, [found])


def _shown(month: Month) -> str:
    return f"{month.month // 100:04}-{month.month % 100:02}"
