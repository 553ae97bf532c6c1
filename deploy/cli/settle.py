"""``headrace settle``: note the differences in the ledger whose reason is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli import confirmation, options
from deploy.printing import output
from deploy.running import located
from storage.ledger import settlements
from storage.projects import registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.ledger import equations


def settle(
    *,
    reason: Annotated[str, typer.Option(help="The reason, for people who read the settlement later.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Note the differences in the ledger as known, so that verify reports only new ones.

    Lost reports stay lost, and doubled reports stay doubled. Findings that differ are counted again.
    """
    system = options.locate(data)
    with located.connected(system) as (client, server):
        found = settlements.open_differences(server, client, system.shards)
        names = registry.Registry(server).names()
        if yes:
            settlements.settle(server, client, found, reason)
    if as_json:
        differences = [{"project_id": line.project_id, **difference._asdict()} for line, difference in found]
        output.json({"settled": yes, "differences": differences})
    else:
        _show(found, names, settled=yes)
    if not yes:
        raise confirmation.NotConfirmedError("Nothing was settled: say --yes to do it")


def _show(
    found: Sequence[tuple[equations.Line, equations.Difference]], names: Mapping[int, str], *, settled: bool
) -> None:
    rows = [
        (
            f"{names.get(line.project_id, 'no known project')} ({line.project_id})",
            difference.equation,
            f"{difference.amount:+,}",
            difference.where,
        )
        for line, difference in found
    ]
    if rows:
        output.table(("project", "equation", "difference", "where"), rows)
    output.copyable(f"{len(rows):,} differences {'are settled' if settled else 'could be settled'}.")
