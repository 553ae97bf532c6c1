"""Reports of a block that the reported policy plainly allows: forged, or a browser's defect."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers import report


def impossible(_found: report.Report) -> bool:
    """Say whether the policy of a CSP report plainly allows what is said to have been blocked."""
    return False
