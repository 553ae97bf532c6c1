"""``headrace top``: what is reported now, refreshed in place."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Final

import rich.live
import typer

from deploy.cli import filters, findings, options, readers
from deploy.findings import listing, watching
from deploy.printing import output, screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.servers import clickhouse

NOW: Final = "15m"
BARS: Final = 15
LEAVING: Final = frozenset({"q", "Q", "\x04"})
"""Keys that end it."""


@filters.selecting("Without it: 15 minutes ago.")
def top(  # noqa: PLR0913 - one parameter for each option
    *,
    chosen: filters.Choice,
    sort: Annotated[listing.Order, typer.Option(help="What comes first.")] = listing.Order.TOTAL,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            "-n",
            min=1,
            max=filters.MOST,
            help="At most this many findings; on a terminal what fits.",
        ),
    ] = 50,
    once: Annotated[bool, typer.Option("--once", help="Print it once.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
    as_csv: options.Csv = False,
) -> None:
    """Show what is reported now, refreshed in place until q or Ctrl-C; without a terminal, print it once."""
    options.one_format(as_json=as_json, as_csv=as_csv)
    with contextlib.closing(readers.Reader(data)) as reader:

        def look(server: clickhouse.Connection) -> watching.View:
            selected = chosen.select(server, NOW, BARS)
            return watching.View(selected, listing.listed(server, selected, order=sort, limit=limit))

        view = look(reader.server)
        lives = output.console.is_terminal and not output.console.is_dumb_terminal
        if as_json:
            output.json(_details(view))
        elif once or as_csv or not lives:
            findings.show(view.found, view.chosen, as_csv=as_csv)
        else:
            view = _watch(reader, look, view, interval)
            findings.show(view.found, view.chosen, as_csv=False)


def _watch(
    reader: readers.Reader,
    look: Callable[[clickhouse.Connection], watching.View],
    view: watching.View,
    interval: float,
) -> watching.View:
    """Refresh the view until a key or Ctrl-C ends it, and return the last one."""
    console = output.console
    with (
        screen.keys(),
        contextlib.suppress(KeyboardInterrupt),
        rich.live.Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live,
    ):
        while True:
            live.update(watching.drawn(view, reader.failure, *console.size), refresh=True)
            if screen.pressed(interval) in LEAVING:
                break
            view = reader.ask(look) or view
    return view


def _details(view: watching.View) -> dict[str, object]:
    """Return everything that is shown, for programs."""
    starts = view.chosen.period.starts
    return {
        "project": view.chosen.project,
        "since": view.chosen.period.since,
        "findings_total": view.found.of,
        "reports": view.found.reports,
        "all_reports": view.found.everything,
        "findings": [listing.details(one, starts) for one in view.found.findings],
    }
