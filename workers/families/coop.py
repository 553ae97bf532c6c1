"""Ties that a cross-origin opener policy severs (HTML): navigations to another group, and accesses across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting
from workers.reading import aliases

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "coop"
_NAVIGATIONS: Final = {
    "navigation-to-response": "from",
    "navigate-to-document": "from",
    "navigation-to-document": "from",
    "navigation-from-response": "to",
    "navigate-from-document": "to",
    "navigation-from-document": "to",
}
_PARTIES: Final = {"opener": "its opener", "openee": "a window it opened", "other": "another window"}


def normalise(item: report.Item) -> report.Report:
    """Return the violation: the inner type is its directive, and the other window's URL is its blocked URL.

    Browsers leave that URL empty where the page may not know it.
    """
    return reporting.read_report(KIND, item, aliases.COOP, details=_details)


def title(found: report.Report) -> str:
    """Return which tie between which windows is severed."""
    place = f" ({reporting.place(found.blocked)})" if found.blocked.text else ""
    if found.directive in _NAVIGATIONS:
        return f"Opener severed by navigation {_NAVIGATIONS[found.directive]} another page{place}"
    access, _, party = found.directive.rpartition("-")
    other = _PARTIES.get(party, "another window") + place
    member = f": {reporting.shown(found.details['property'])}" if "property" in found.details else ""
    if access.startswith("access-from-"):
        return f"Access from the page to {other}{member}"
    if access.startswith("access-to-"):
        return f"Access to the page from {other}{member}"
    return f"Opener policy violated{place}"


def _details(read: FieldReader) -> dict[str, str]:
    return {
        "property": read.text("property", reporting.MAX_NAME),
        "effective_policy": reporting.word(read, "effective_policy"),
        "initial_popup": read.url("popup").text,
    }


FAMILY: Final = contract.Family(
    kind=KIND, types=("coop",), names=aliases.COOP, normalise=normalise, title=title
)
