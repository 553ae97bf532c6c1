"""``headrace query``: SQL for analysts, as a user who may only read."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.analysts import exceeded
from deploy.cli import options
from deploy.printing import output
from deploy.servers import backends


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement in ClickHouse's SQL.")],
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
    as_csv: options.Csv = False,
) -> None:
    """Run one SQL statement and print its rows: a table on a terminal, else tab-separated values."""
    options.one_format(as_json=as_json, as_csv=as_csv)
    reader = options.locate(data).reader
    with exceeded.told(), backends.connected(reader.address, reader.settings) as server:
        rows, columns = server.execute(sql, with_column_types=True)
    names = [name for name, _ in columns]
    if as_json:
        output.json([dict(zip(names, row, strict=True)) for row in rows])
    elif as_csv:
        output.comma_separated(names, rows)
    else:
        output.rows(names, rows)
