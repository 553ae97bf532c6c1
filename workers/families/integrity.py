"""Scripts and style sheets without the integrity metadata that ``Integrity-Policy`` demands (SRI 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting
from workers.reading import aliases

if TYPE_CHECKING:
    from workers.model import report

KIND: Final = "integrity"
_WHAT: Final = {"": "File", "script": "Script", "style": "Style sheet"}


def normalise(item: report.Item) -> report.Report:
    """Return the violation; the destination (``script``, ``style``) is its directive."""
    return reporting.read_report(KIND, item, aliases.INTEGRITY)


def title(found: report.Report) -> str:
    """Return what came from where without integrity metadata."""
    what = _WHAT.get(found.directive) or found.directive.capitalize()
    return f"{what} from {reporting.place(found.blocked)} without integrity metadata"


FAMILY: Final = contract.Family(
    kind=KIND, types=("integrity-violation",), names=aliases.INTEGRITY, normalise=normalise, title=title
)
