"""The findings of just now, as a view that fills a terminal and is drawn again and again."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import rich.console
import rich.text

from deploy.findings import tables
from deploy.printing import layout, printable, sparkline

if TYPE_CHECKING:
    from deploy.findings import listing, selection

_AROUND: Final = 9
"""Lines that are not findings: heading, names, rule, blanks, legend, how to end it."""


class View(NamedTuple):
    """Findings as they were at a moment."""

    chosen: selection.ChosenReports
    found: listing.Listing


def drawn(view: View, failure: str, width: int, height: int) -> rich.console.RenderableType:
    """Return a view that fits.

    Args:
        view: what was found last.
        failure: why ClickHouse does not answer now; empty if it does.
        width: cells of the terminal.
        height: its lines.
    """
    shown = view.found.findings[: max(height - _AROUND, 1)]
    found = msgspec.structs.replace(view.found, findings=shown)
    parts: list[rich.console.RenderableType] = [rich.text.Text(_heading(view), style="bold"), _rate(view)]
    if shown:
        parts += [tables.rows(found, view.chosen.period, width), tables.legend(view.chosen.period)]
    else:
        parts.append(rich.text.Text("\nNothing was reported.\n"))
    if failure:
        told = layout.cut(printable.line(f"{failure}: this is what was there before."), 2 * width, "")
        parts.append(rich.text.Text(told, style="bold red"))
    else:
        parts.append(rich.text.Text("q ends it", style="dim"))
    return rich.console.Group(*parts)


def _heading(view: View) -> str:
    period = view.chosen.period
    now = dt.datetime.fromtimestamp(period.now_ms / 1000, dt.UTC)
    name = printable.line(view.chosen.project.name)
    since = f"{period.since:%H:%M}" if period.since.date() == now.date() else f"{period.since:%Y-%m-%d %H:%M}"
    return f"{name}, from {since} to {now:%H:%M:%S} UTC"


def _rate(view: View) -> rich.text.Text:
    found, period = view.found, view.chosen.period
    minutes = max((period.now_ms - period.since_ms) / 60_000, 1)
    counts = f"{found.reports:,} of {found.everything:,} reports, {found.reports / minutes:,.1f} a minute"
    return rich.text.Text(f"{counts}, {found.of:,} findings  {sparkline.draw(found.bars)}")
