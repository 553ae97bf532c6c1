"""Resources, frames and workers that a page with a cross-origin embedder policy may not embed (HTML)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting
from workers.reading import aliases

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "coep"
_WHY: Final = {
    "corp": "which allows no embedding across origins",
    "navigation": "which has no embedder policy itself",
    "worker initialization": "which has no embedder policy itself",
}
_WHAT: Final = {"navigation": "frame", "worker initialization": "worker"}


def normalise(item: report.Item) -> report.Report:
    """Return the violation; the inner type is its directive (``corp``, ``navigation``, …)."""
    return reporting.read_report(KIND, item, aliases.COEP, details=_details)


def title(found: report.Report) -> str:
    """Return which resource was not embedded, and what the resource lacks."""
    what = _WHAT.get(found.directive) or found.details.get("destination") or "resource"
    why = _WHY.get(found.directive, "by the cross-origin embedder policy")
    comma = "," if found.directive in _WHY else ""
    return f"Blocked {what} from {reporting.place(found.blocked)}{comma} {why}"


def _details(read: FieldReader) -> dict[str, str]:
    return {"destination": reporting.word(read, "destination")}


FAMILY: Final = contract.Family(
    kind=KIND, types=("coep",), names=aliases.COEP, normalise=normalise, title=title
)
