"""New reports as lines for people, and as rows and objects for programs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import rich.cells

from deploy.printing import cells, glyphs, layout

if TYPE_CHECKING:
    from deploy.findings import following

CSV: Final = (
    *("last_seen", "seen", "id", "title", "kind", "directive", "disposition", "blocked", "blocked_host"),
    *("document", "source_file", "line", "column", "sample", "hostname", "environment", "release", "browser"),
    *("browser_version", "os", "noise", "noise_rule", "impossible", "first_seen", "late"),
)
"""The columns of a row for programs."""
_SHORT: Final = 8
_TITLE: Final = 30
"""Cells of a title for which other texts leave."""
_GAP: Final = "  "


def details(new: following.NewReports) -> dict[str, Any]:
    """Return everything about new reports, for programs."""
    told = {name: getattr(new, name) for name in new.__struct_fields__ if name != "key"}
    return {"id": new.id, **told}


def csv_row(new: following.NewReports) -> list[object]:
    """Return the cells of new reports; the id begins with 0x, so that no program takes it for a number."""
    return [f"0x{new.id}" if name == "id" else getattr(new, name) for name in CSV]


def line(new: following.NewReports, width: int | None, today: dt.date | None = None) -> str:
    """Return new reports as a line.

    Args:
        new: the reports.
        width: cells of the terminal, for which the line is cut; None if it may have any length.
        today: the day, UTC, whose times go without it.
    """
    number = f"x{new.seen}" if new.seen > 1 else ""
    label = new.noise or ("impossible" if new.impossible else "")
    browser = f"{new.browser} {new.browser_version}".strip()
    where = "/".join(filter(None, (new.environment, new.release)))
    first = [_when(new, today or dt.datetime.now(dt.UTC).date()), new.id[:_SHORT], number]
    others = [new.title, new.document or new.hostname, label, where, browser]
    heads, texts = ([cells.shown(part) for part in parts if part] for parts in (first, others))
    if width is None:
        return _GAP.join([*heads, *texts])
    return _cut(heads, texts, width)


def _cut(heads: list[str], texts: list[str], width: int) -> str:
    """Return a line that fits: the last texts leave, and the others are cut, the title least of all."""
    ellipsis = glyphs.current().ellipsis
    columns = [layout.column(rich.cells.cell_len(text), whole=True) for text in heads]
    columns += [layout.column(rich.cells.cell_len(text), whole=False) for text in texts]
    for count in range(len(columns), len(heads), -1):
        widths = layout.fit(columns[:count], width + layout.EDGES, len(_GAP))
        title = widths[len(heads)] if widths else 0
        if widths and title >= min(_TITLE, columns[len(heads)].width):
            shown = zip([*heads, *texts], widths, strict=False)
            return _GAP.join(layout.cut(text, wide, ellipsis) for text, wide in shown)
    return layout.cut(_GAP.join([heads[0], texts[0]]), width, ellipsis)


def _when(new: following.NewReports, today: dt.date) -> str:
    """Return when it happened; of late reports, of which only the day is known, that."""
    if new.late:
        return f"{new.window_start:%Y-%m-%d}"
    return f"{new.last_seen:%H:%M:%S}" if new.last_seen.date() == today else f"{new.last_seen:%Y-%m-%d %H:%M}"
