"""A minute under a quota, and some seconds more, on a system whose workers are being killed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.faults import load, victims
from tests.helpers import harness, waiting
from workers.failures import failpoints

if TYPE_CHECKING:
    from pathlib import Path

LIMIT: Final = 900
"""Reports a minute."""
RATE: Final = 150
"""Reports a second: the limit is reached within a few seconds, and again when the first tokens come back."""
REFUSED: Final = 500
"""Requests that are told to come back later, until the limit is surely reached."""
BACK: Final = 1.05
"""Share of the limit that was accepted once the first tokens have come back."""
_MINUTE_S: Final = 60


class Spent(NamedTuple):
    """The results: accepted reports by the second of their receipt, and requests by their answer."""

    accepted: Counter[int]
    answers: Counter[str]
    balanced: bool

    @property
    def fullest(self) -> int:
        """The accepted reports of the fullest minute, wherever it begins."""
        return max(
            sum(self.accepted[second] for second in range(start, start + _MINUTE_S))
            for start in self.accepted
        )


def spend(directory: Path) -> Spent:
    """Send far more than the quota grants, from before the minute begins until after its end."""
    dying = ",".join(f"{point}=kill@0.02" for point in failpoints.POINTS)
    environment: Any = {"HEADRACE_FAILPOINTS": dying, "HEADRACE_EDGE_PROCESSES": "2"}
    with harness.system(directory, "--workers", "3", **environment) as system:
        system.json("project", "set", "1", f"quota_per_minute={LIMIT}")
        with load.Load(system.project, RATE) as sent:
            sent.wait_for(RATE)
            victims.kill(system, "worker")
            sent.wait_for(REFUSED, "429")
            while _accepted(system).total() <= BACK * LIMIT:  # the first tokens come back after a minute
                sent.wait_for(RATE)
        system.wait_drained(waiting.PATIENCE_S)
        return Spent(_accepted(system), sent.counts, system.ledger()["balanced"])


def _accepted(system: harness.System) -> Counter[int]:
    rows = system.query(
        "SELECT intDiv(ms, 1000) AS second, sum(arraySum(accepted)) AS reports FROM receipts GROUP BY second"
    )
    return Counter({int(row["second"]): int(row["reports"]) for row in rows})
