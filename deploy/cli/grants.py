"""``headrace grants``: the SQL that makes a user of an operator's own ClickHouse server an analyst."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from deploy.analysts import allow_list
from deploy.analysts import grants as analyst_grants
from deploy.cli import options
from deploy.printing import output
from deploy.servers import backends
from storage import errors
from storage.projects import registry
from storage.servers import sql

if TYPE_CHECKING:
    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)


Seconds = Annotated[int, typer.Option(min=1, help="How long one query may run.")]
Memory = Annotated[int, typer.Option(min=64, help="The memory of all its queries together.")]
Queries = Annotated[int, typer.Option(min=1, help="How many of its queries may run at once.")]
RowsToRead = Annotated[int, typer.Option(min=1, help="How many rows one query may read.")]
ResultRows = Annotated[int, typer.Option(min=1, help="How many rows an answer may have.")]
Temporary = Annotated[int, typer.Option(min=1, help="The temporary files of all its queries together.")]


def grants(  # noqa: PLR0913 - one parameter for each option
    user: Annotated[str, typer.Argument(metavar="USER", help="An existing user of ClickHouse.")],
    *,
    data: options.Data = options.DEFAULT_DATA,
    project: Annotated[str, typer.Option(metavar="PROJECT", help="Let the user see this project only.")] = "",
    seconds: Seconds = 60,
    memory_mib: Memory = 4096,
    queries: Queries = 20,
    rows_to_read: RowsToRead = 10**9,
    result_rows: ResultRows = 10**6,
    temporary_mib: Temporary = 1024,
    as_json: options.Json = False,
) -> None:
    """Print the SQL that lets a user of ClickHouse read the reports, and nothing else of their database.

    It takes away what the user could read there before. A user with --project sees the rows of that project
    only; the user that Headrace writes as goes on seeing all rows.
    """
    limits = allow_list.QueryLimits(
        seconds=seconds,
        memory=memory_mib << 20,
        queries=queries,
        rows_to_read=rows_to_read,
        result_rows=result_rows,
        temporary_bytes=temporary_mib << 20,
    )
    printed = _statements(options.locate(data).clickhouse, user, project, limits)
    if as_json:
        output.json(printed)
    else:
        output.copyable(";\n\n".join(printed) + ";")


def _statements(
    address: clickhouse.Address, user: str, project: str, limits: allow_list.QueryLimits
) -> list[str]:
    if user == address.user:
        raise errors.HeadraceError(f"{user} is the user that Headrace writes as: name another one.")
    with backends.connected(address) as server:
        ((threads,),) = server.execute(_SQL["threads"])
        known = {name for (name,) in server.execute(allow_list.KNOWN_SETTINGS)}
        project_id = registry.Registry(server).get(project).id if project else None
    allowed = allow_list.read(msgspec.structs.replace(limits, threads=threads)).known_to(known)
    return [
        *analyst_grants.row_policies(address.user, address.database, None),
        *analyst_grants.statements(allowed, user, address.database, project_id),
    ]
