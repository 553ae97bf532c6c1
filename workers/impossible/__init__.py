"""Reports of a block that the reported policy plainly allows: forged, tampered with, or a browser's defect.

Browsers report the address that a page asked for, not the one that a redirect led to. So a genuine report may
say that an allowed address was blocked, when it redirects to one that is not.
"""

from __future__ import annotations

from workers.impossible.verdict import impossible

__all__ = ["impossible"]
