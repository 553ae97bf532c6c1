"""``headrace settle``: note differences in the ledger whose reason is known."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from deploy.cli import options
from deploy.printing import output
from deploy.servers import backends
from storage import errors
from storage.ledger import settlements
from storage.projects import registry


class NotConfirmedError(errors.HeadraceError):
    """Nothing was settled, because nobody said that it shall be."""


def settle(
    *,
    reason: Annotated[str, typer.Option(help="What happened, for whoever asks later.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Note the differences in the ledger as known, so that verify tells only new ones.

    Nothing is mended: what is lost stays lost, and what is doubled stays so.
    """
    system = options.locate(data)
    with (
        contextlib.closing(backends.connect_redis(system.redis_url)) as client,
        backends.connected(system.clickhouse) as server,
    ):
        found = settlements.open_differences(server, client, system.shards)
        names = registry.Registry(server).names()
        if yes:
            settlements.settle(server, client, found, reason)
    rows = [
        (
            f"{names.get(line.project_id, 'no known project')} ({line.project_id})",
            difference.equation,
            f"{difference.amount:+,}",
            difference.where,
        )
        for line, difference in found
    ]
    if as_json:
        differences = [{"project_id": line.project_id, **difference._asdict()} for line, difference in found]
        output.json({"settled": yes, "differences": differences})
    else:
        if rows:
            output.table(("project", "equation", "difference", "where"), rows)
        output.copyable(f"{len(rows):,} differences {'are settled' if yes else 'could be settled'}.")
    if not yes:
        raise NotConfirmedError("Nothing was settled: say --yes to do it")
