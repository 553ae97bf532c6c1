"""Findings as tables for people, and as rows for spreadsheets."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import rich.console
import rich.text

from deploy.printing import glyphs, layout, printable, sparkline, tables, times

if TYPE_CHECKING:
    from deploy.findings import listing, periods, selection

CSV: Final = (
    *("id", "title", "kind", "directive", "blocked", "blocked_host", "total", "reach", "first_seen"),
    *("last_seen", "releases", "environments", "dispositions", "browsers", "labels", "bars"),
)
"""The columns of a row for programs."""
_LEAVING: Final = ("first", "directive", "last", "bars", "reach", "label")
"""The columns that a narrow terminal does without, the first one first."""
_TITLE: Final = 24
"""Cells of a title for which other columns leave."""
_GAP: Final = 2
_BARS_FROM: Final = 50
"""Cells of a terminal that has room for bars, and for what they mean."""
_DAY_MS: Final = 86_400_000


def csv_row(finding: listing.ListedFinding) -> list[object]:
    """Return the cells of a finding; its id begins with 0x, so that no program takes it for a number."""
    return [f"0x{finding.id}", *(getattr(finding, name) for name in CSV[1:])]


def listing_of(
    found: listing.Listing, chosen: selection.ChosenReports, width: int
) -> rich.console.RenderableType:
    """Return findings as a table that fits, with a line above and one below it.

    Args:
        found: the findings.
        chosen: which reports they are of.
        width: cells of the terminal.
    """
    heading = rich.text.Text(heading_of(found, chosen), style="bold")
    if not found.findings:
        return heading
    parts = [heading, rows(found, chosen.period, width)]
    if width >= _BARS_FROM:
        parts.append(legend(chosen.period))
    return rich.console.Group(*parts)


def heading_of(found: listing.Listing, chosen: selection.ChosenReports) -> str:
    """Return a sentence on how much was found."""
    since = chosen.period.since
    told = f"{since:%Y-%m-%d}" if chosen.period.whole else f"{since:%Y-%m-%d %H:%M}"
    name = printable.line(chosen.project.name)
    counts = f"{found.of:,} findings, {found.reports:,} reports"
    shown = f"{len(found.findings):,} of " if len(found.findings) < found.of else ""
    return f"{name}: {shown}{counts} since {told} UTC"


def rows(found: listing.Listing, period: periods.Period, width: int) -> rich.console.RenderableType:
    """Return the table alone; columns leave a narrow terminal before a title is too short for use."""
    now = dt.datetime.fromtimestamp(period.now_ms / 1000, dt.UTC)
    each = [_cells(one, now) for one in found.findings]
    cells = {name: [one[name] for one in each] for name in each[0]}
    if not any(cells["label"]):
        del cells["label"]
    for leaving in (None, *_LEAVING):
        cells.pop(leaving or "", None)
        if _title_width(cells, width) >= _TITLE:
            break
    shown = tables.fitted(list(cells), list(zip(*cells.values(), strict=True)), width, gap=_GAP)
    return shown or rich.text.Text(
        "\n".join(f"{one.id[:8]} {printable.line(one.title)}" for one in found.findings)
    )


def legend(period: periods.Period) -> rich.text.Text:
    """Return what the bars mean."""
    signs = glyphs.current()
    minutes = period.step_ms // 60_000
    days, hours = period.step_ms // _DAY_MS, minutes // 60
    step = (days, "day") if days else (hours, "hour") if hours and not minutes % 60 else (minutes, "minute")
    unit = f"a {step[1]}" if step[0] == 1 else f"{step[0]} {step[1]}s"
    end = "today, UTC" if period.whole else "now"
    meaning = f"{signs.zero} is none, {signs.unknown} no report of the project at all"
    return rich.text.Text(f"A bar is {unit}, the last one {end}; {meaning}.", style="dim")


def _title_width(cells: dict[str, list[object]], width: int) -> int:
    """Return the width that the title would have, or enough if it is whole."""
    parts = [tables.part(name, values) for name, values in cells.items()]
    widths = layout.fit([part.size for part in parts], width, _GAP)
    if widths is None:
        return 0
    index = list(cells).index("title")
    return _TITLE if widths[index] == parts[index].size.width else widths[index]


def _cells(finding: listing.ListedFinding, now: dt.datetime) -> dict[str, object]:
    return {
        "id": finding.id[:8],
        "title": finding.title,
        "directive": finding.what,
        "total": finding.total,
        "reach": finding.reach,
        "bars": tables.Uncut(sparkline.draw(finding.bars)),
        "first": times.ago(finding.first_seen, now),
        "last": times.ago(finding.last_seen, now),
        "label": " ".join(filter(None, finding.labels)),
    }
