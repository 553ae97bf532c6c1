"""Uses of features that browsers are about to remove (WICG Deprecation Reporting)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting
from workers.model import memo, report
from workers.reading import aliases, values

if TYPE_CHECKING:
    from workers.reading.fields import FieldReader

KIND: Final = "deprecation"


def normalise(item: report.Item) -> report.Report:
    """Return the use: its directive is the feature's id."""
    return reporting.read_report(KIND, item, aliases.DEPRECATION, reporting.identifier, _details)


def title(found: report.Report) -> str:
    """Return which feature will be removed, and when if that is known."""
    feature = reporting.shown(found.directive or found.details.get("message", "")) or "a feature"
    removal = found.details.get("anticipated_removal", "")
    return f"Deprecated: {feature}" + (f", to be removed on {removal}" if removal else "")


def _details(read: FieldReader) -> dict[str, str]:
    return {
        "message": read.text("message"),
        "anticipated_removal": read.read("removal", removal_of, ""),
    }


@memo.remembered
def removal_of(sent: bytes) -> str | None:
    """Return the day, ``2026-10-01``, which browsers write as a date or as milliseconds since the epoch."""
    value = values.load(sent)
    if isinstance(value, str):
        return _day(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return dt.datetime.fromtimestamp(value / 1000, dt.UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):  # not a number, or beyond any calendar
        return None


def _day(text: str) -> str | None:
    if moment := values.date_of(f'"{text}"'.encode()):
        return moment[:10]
    try:
        return dt.date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        return None


FAMILY: Final = contract.Family(
    kind=KIND, types=("deprecation",), names=aliases.DEPRECATION, normalise=normalise, title=title
)
