"""Requests of a page that the browser refused for the user's sake (WICG Intervention Reporting)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting
from workers.reading import aliases

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "intervention"


def normalise(item: report.Item) -> report.Report:
    """Return the intervention; its id is the directive."""
    return reporting.read_report(KIND, item, aliases.INTERVENTION, reporting.identifier, _details)


def title(found: report.Report) -> str:
    """Return against which act of the page the browser intervened."""
    reason = reporting.shown(found.directive or found.details.get("message", ""))
    return f"Browser intervened: {reason or 'it gave no reason'}"


def _details(read: FieldReader) -> dict[str, str]:
    return {"message": read.text("message")}


FAMILY: Final = contract.Family(
    kind=KIND, types=("intervention",), names=aliases.INTERVENTION, normalise=normalise, title=title
)
