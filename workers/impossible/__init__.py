"""Reports that contradict the policy they carry: forged, tampered with, a redirect, or a browser's defect.

``compare`` compares what was blocked with the text of a policy; ``of_report`` does so for a normalised
report. Both err to one side: where some browser may read the policy in another way, there is no
contradiction.
"""

from __future__ import annotations

from workers.impossible.contradiction import Contradiction, compare, of_report, reports_verbatim

__all__ = ["Contradiction", "compare", "of_report", "reports_verbatim"]
