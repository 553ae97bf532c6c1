"""A quota holds to the report, over every minute wherever it begins, while the workers are being killed."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests import harness
from tests.faults import load, victims
from workers import failpoints

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults

LIMIT = 900
RATE = 300
"""Reports a second: the limit is reached within a few seconds, and again when the first tokens come back."""
SECONDS = 65
"""The first tokens come back a minute and a second after the load began."""
TOLERANCE = 1.01


def test_a_burst_gets_what_the_quota_grants_while_workers_die(tmp_path: Path) -> None:
    dying = ",".join(f"{point}=kill@0.02" for point in failpoints.POINTS)
    options = ("--workers", "3")
    with harness.system(tmp_path, *options, HEADRACE_FAILPOINTS=dying, HEADRACE_EDGE_PROCESSES="2") as system:
        system.json("project", "set", "1", f"quota_per_minute={LIMIT}")
        with load.Load(system.project, RATE) as sent:
            ends = time.monotonic() + SECONDS
            time.sleep(2)
            victims.kill(system, "worker")
            time.sleep(ends - time.monotonic())
        system.wait_drained()
        per_second = accepted(system)
        fullest = max(window(per_second, start) for start in per_second)
        assert system.ledger()["balanced"], system.ledger()
    print(f"limit {LIMIT}, fullest minute {fullest}, {dict(sent.counts)}")  # noqa: T201 - what was measured
    assert 0.98 * LIMIT <= fullest <= LIMIT * TOLERANCE
    assert sum(per_second.values()) > LIMIT * TOLERANCE  # tokens came back
    assert sent.counts["429"] > sent.counts["200"]


def accepted(system: harness.System) -> Counter[int]:
    """Return how many reports of each second of receipt were accepted."""
    rows = system.query(
        "SELECT intDiv(ms, 1000) AS second, sum(arraySum(accepted)) AS reports FROM receipts GROUP BY second"
    )
    return Counter({int(row["second"]): int(row["reports"]) for row in rows})


def window(per_second: Counter[int], start: int) -> int:
    """Return the reports of the minute that begins with a second."""
    return sum(per_second[second] for second in range(start, start + 60))
