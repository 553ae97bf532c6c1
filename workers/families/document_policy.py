"""Features that a page forbids itself (Document Policy): ``document-write``, ``unsized-media``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting
from workers.reading import aliases

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "document-policy"


def normalise(item: report.Item) -> report.Report:
    """Return the violation; the feature is its directive."""
    return reporting.read_report(KIND, item, aliases.DOCUMENT_POLICY, details=_details)


def title(found: report.Report) -> str:
    """Return which feature the page used against its own policy."""
    return f"Document policy violated by {found.directive or 'the page'}"


def _details(read: FieldReader) -> dict[str, str]:
    return {"message": read.text("message")}


FAMILY: Final = contract.Family(
    kind=KIND,
    types=("document-policy-violation",),
    names=aliases.DOCUMENT_POLICY,
    normalise=normalise,
    title=title,
)
