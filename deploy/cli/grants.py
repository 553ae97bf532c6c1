"""``headrace grants``: the SQL that makes a user of an operator's own ClickHouse server an analyst."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from deploy.analysts import allow_list
from deploy.analysts import grants as analyst_grants
from deploy.cli import options
from deploy.printing import output
from deploy.servers import backends
from storage.projects import registry
from storage.servers import sql

_SQL: Final = sql.beside(__name__)


def grants(  # noqa: PLR0913 - one parameter for each option
    user: Annotated[str, typer.Argument(metavar="USER", help="An existing user of ClickHouse.")],
    *,
    data: options.Data = options.DEFAULT_DATA,
    project: Annotated[
        str | None, typer.Option(metavar="PROJECT", help="Let the user see this project only.")
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, help="How long one query may run.")] = 60,
    memory_mib: Annotated[int, typer.Option(min=64, help="The memory of all its queries together.")] = 4096,
    as_json: options.Json = False,
) -> None:
    """Print the SQL that lets a user of ClickHouse read the reports, and nothing else."""
    address = options.locate(data).clickhouse
    with backends.connected(address) as server:
        ((threads,),) = server.execute(_SQL["threads"])
        limits = allow_list.QueryLimits(seconds, memory_mib << 20, threads, queries=20)
        known = {name for (name,) in server.execute(allow_list.KNOWN_SETTINGS)}
        printed = analyst_grants.statements(allow_list.read(limits).known_to(known), user, address.database)
        if project is not None:
            columns = dict(server.execute(_SQL["columns_of_project"]))
            granted = registry.Registry(server).get(project)
            printed += analyst_grants.row_policies(user, address.database, granted.id, columns)
    if as_json:
        output.json(printed)
    else:
        output.copyable(";\n\n".join(printed) + ";")
