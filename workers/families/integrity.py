"""Scripts and style sheets without the integrity metadata that ``Integrity-Policy`` demands (SRI 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting

if TYPE_CHECKING:
    from workers.model import report

KIND: Final = "integrity"
_NAMES: Final = reporting.names(directive="destination")
_WHAT: Final = {"": "File", "script": "Script", "style": "Style sheet"}


def normalise(item: report.Item) -> report.Report:
    """Return the violation; the destination (``script``, ``style``) is its directive."""
    return reporting.read_report(KIND, item, _NAMES)


def title(found: report.Report) -> str:
    """Return what came from where without integrity metadata."""
    what = _WHAT.get(found.directive) or found.directive.capitalize()
    return f"{what} from {reporting.place(found.blocked)} without integrity metadata"


FAMILY: Final = contract.Family(kind=KIND, types=("integrity-violation",), normalise=normalise, title=title)
