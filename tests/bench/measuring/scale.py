"""How much a run measures: enough to believe in, or just enough to see that everything still runs."""

from __future__ import annotations

from typing import Final

import msgspec


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the scenarios.

    Attributes:
        repetitions: of the scenarios that take only seconds.
        edge_seconds: of one closed loop against the edge.
        understood: payloads of each corpus that the pipeline is given.
        backlog: payloads that wait when the worker starts.
        sustained_seconds: of the whole system under load.
        sustained_rate: reports a second that it must sustain; a twentieth more are posted.
        probes: single reports whose way to their row is timed on the idle system.
        attack_seconds: of each attack.
        obvious_reports: queued for the obvious design to drain.
        obvious_seconds: of the obvious design under load.
        stored_reports: that are stored when analysts ask.
    """

    repetitions: int = 3
    edge_seconds: float = 8
    understood: int = 40_000
    backlog: int = 250_000
    sustained_seconds: float = 30
    sustained_rate: float = 10_000
    probes: int = 100
    attack_seconds: float = 12
    obvious_reports: int = 2_000
    obvious_seconds: float = 15
    stored_reports: int = 100_000_000


FULL: Final = Scale()
QUICK: Final = Scale(
    repetitions=1,
    edge_seconds=2,
    understood=10_000,
    backlog=50_000,
    sustained_seconds=5,
    sustained_rate=4_000,
    probes=10,
    attack_seconds=3,
    obvious_reports=300,
    obvious_seconds=3,
    stored_reports=200_000,
)
