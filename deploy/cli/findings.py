"""``headrace findings`` and ``headrace finding``: what was found, and everything about one of it."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from deploy.cli import filters, options
from deploy.findings import listing, tables
from deploy.printing import output
from deploy.servers import backends

WEEK: Final = "7d"
BARS: Final = 14
"""The most bars that leave room for a title."""

Sort = Annotated[
    listing.Order,
    typer.Option(
        help="What comes first: the most reports, the greatest reach, the latest, or the newest.",
    ),
]


@filters.selecting("Without it: seven days ago.")
def findings(  # noqa: PLR0913 - one parameter for each option
    *,
    chosen: filters.Choice,
    sort: Sort = listing.Order.TOTAL,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many findings.")] = 20,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
    as_csv: options.Csv = False,
) -> None:
    """List what was found: how often, how many people met it, and on which days."""
    options.one_format(as_json=as_json, as_csv=as_csv)
    reader = options.locate(data).reader
    with backends.connected(reader.address, reader.settings) as server:
        selected = chosen.select(server, WEEK, BARS)
        found = listing.listed(server, selected, order=sort, limit=limit)
    if as_json:
        output.json([listing.details(one, selected.period.starts) for one in found.findings])
    elif as_csv:
        output.comma_separated(tables.CSV, map(tables.csv_row, found.findings))
    elif output.console.is_terminal:
        output.console.print(tables.listing_of(found, selected, output.console.width))
    else:
        output.tab_separated(tables.CSV, [tables.csv_row(one) for one in found.findings])
