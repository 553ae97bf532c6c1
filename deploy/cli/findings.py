"""``headrace findings`` and ``headrace finding``: what was found, and everything about one of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import rich.text
import typer

from deploy.cli import filters, options
from deploy.findings import detail, listing, page, periods, selection, tables
from deploy.printing import output
from deploy.servers import backends

if TYPE_CHECKING:
    from storage.servers import clickhouse

WEEK: Final = "7d"
MONTH: Final = dt.timedelta(days=30)
EVER: Final = "1970-01-01"
DAYS: Final = 62
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
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=filters.MOST, help="At most this many findings.")
    ] = 20,
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
    else:
        show(found, selected, as_csv=as_csv)


def show(found: listing.Listing, selected: selection.ChosenReports, *, as_csv: bool) -> None:
    """Print findings: a table on a terminal, CSV where it is asked for, tab-separated values elsewhere."""
    if as_csv:
        output.comma_separated(tables.CSV, map(tables.csv_row, found.findings))
    elif output.console.is_terminal:
        output.console.print(tables.listing_of(found, selected, output.console.width))
    else:
        output.tab_separated(tables.CSV, [tables.csv_row(one) for one in found.findings])


@filters.selecting("Without it: ever, and for what reports tell the last 30 days that have any.", noise=False)
def finding(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Its id or the beginning of it, or its fingerprint.")
    ],
    *,
    chosen: filters.Choice,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
    as_csv: options.Csv = False,
) -> None:
    """Show one finding whole: what, where, who, since which release, under which policies, and an example."""
    options.one_format(as_json=as_json, as_csv=as_csv)
    reader = options.locate(data).reader
    with backends.connected(reader.address, reader.settings) as server:
        selected = chosen.select(server, EVER, DAYS)
        fingerprint = detail.identify(server, selected.project, name)
        ever = msgspec.structs.replace(selected, fingerprint=fingerprint)
        recent = ever if chosen.since else _recent(server, ever)
        found = detail.whole(server, ever, recent)
    if as_json:
        output.json(_details(found, recent))
    elif as_csv:
        output.comma_separated(tables.CSV, [tables.csv_row(found.finding)])
    else:
        output.console.print(page.of(found, recent, output.console.width))
        if found.example:
            output.console.print(rich.text.Text("All of it, as it is stored:", style="bold"))
            output.copyable(page.raw_command(found.example, recent, options.naming(data)))


def _recent(server: clickhouse.Connection, ever: selection.ChosenReports) -> selection.ChosenReports:
    """Return the last days of a finding: a month, until its last report."""
    last = detail.last_seen(server, ever)
    since = periods.Since(round((last - MONTH).timestamp() * 1000), ago=False, whole=True)
    return msgspec.structs.replace(ever, period=periods.period(since, ever.period.now_ms, DAYS))


def _details(found: detail.WholeFinding, recent: selection.ChosenReports) -> dict[str, object]:
    """Return everything about a finding, for programs."""
    told = msgspec.structs.asdict(found)
    one = listing.details(told.pop("finding"), [])
    return {**one, **told, "project": recent.project, "bars_from": recent.period.starts}
