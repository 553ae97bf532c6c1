"""Hashes of the scripts that a page loads, as its policy asks for (CSP3): an inventory, no violation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting
from workers.reading import aliases

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "csp-hash"
_MAX_HASH: Final = 256


def normalise(item: report.Item) -> report.Report:
    """Return which file (``blocked``) was loaded as what (``directive``), and its hash."""
    return reporting.read_report(KIND, item, aliases.CSP_HASH, details=_details)


def title(found: report.Report) -> str:
    """Return which file the hash is of, or why there is none."""
    what = f"{found.directive or 'file'} from {reporting.place(found.blocked)}"
    return f"Hash of {what}" if "hash" in found.details else f"No hash of {what}: loaded without CORS"


def _details(read: FieldReader) -> dict[str, str]:
    return {"type": reporting.word(read, "type"), "hash": read.text("hash", _MAX_HASH)}


FAMILY: Final = contract.Family(
    kind=KIND, types=("csp-hash",), names=aliases.CSP_HASH, normalise=normalise, title=title
)
