"""A limit decider that answers what a test wants, and batches whose reports it decides on."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from storage.limits import decisions, quotas
from storage.projects import project_settings
from storage.queue import envelope
from tests.helpers import payloads
from workers import pipeline
from workers.model import batch_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workers.limits import project_limits

NOW = payloads.NOW_MS
Settings = project_settings.ProjectSettings
Novelty = decisions.Novelty


class FakeLimitDecider:
    """Answers as the one in Redis would: everything is new once, and ``room`` is all there is."""

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.known: set[tuple[str, int]] = set()
        self.asked: list[Any] = []
        self.sketches: dict[decisions.FindingDay, int] = {}

    def check_new(
        self, project_id: int, kind: str, items: Sequence[tuple[int, int]], at_s: int, most: int
    ) -> dict[int, Novelty]:
        self.asked.append((kind, project_id, at_s, most))
        return {item: self._novelty(kind, item, coarse, most) for item, coarse in items}

    def _novelty(self, kind: str, item: int, coarse: int, most: int) -> Novelty:
        if (kind, item) in self.known:
            return Novelty.KNOWN
        if not most or len(self.known) < most:
            self.known.add((kind, item))
            return Novelty.NEW
        coarse_keys = {key for each, key in self.known if each == "coarse"}
        if coarse in coarse_keys or len(coarse_keys) < most:
            self.known.add(("coarse", coarse))
            return Novelty.COARSE
        return Novelty.OTHER

    def find_sketches(
        self, project_id: int, findings: Sequence[decisions.FindingDay], at_s: int
    ) -> dict[decisions.FindingDay, int]:
        self.asked.append(("reach", project_id, at_s))
        return {finding: self.sketches.get(finding, 0) for finding in findings}

    def share_budget(
        self, project_id: int, settings: Settings, wants: Sequence[decisions.Want]
    ) -> dict[int, int]:
        self.asked.append(("budget", project_id, *wants))
        return {
            want.minute_s: min(want.reports, max(settings.sample_budget, want.forced + 1)) for want in wants
        }

    def grant(
        self, project_id: int, settings: Settings, wants: Mapping[tuple[int, str], int]
    ) -> dict[tuple[int, str], decisions.Grant]:
        self.asked.append(("grant", project_id, dict(wants)))
        assert quotas.has_quotas(settings)
        found = {}
        for want, reports in wants.items():
            granted = min(reports, self.room)
            self.room -= granted
            found[want] = decisions.Grant(granted, "project_minute" if granted < reports else "")
        return found

    def grant_quarantine(self, project_id: int, most: int, wants: Mapping[int, int]) -> dict[int, int]:
        self.asked.append(("grant_quarantine", project_id, most, dict(wants)))
        return {hour: min(most, wanted) for hour, wanted in wants.items()}


def process(
    decider: project_limits.ProjectLimitDecider | None,
    *bodies: object,
    shard: int = 3,
    at: int = NOW,
    slots: Sequence[int] = (),
    senders: bool = True,
    **settings: Any,
) -> pipeline.Tables:
    """Process a batch of an entry for each body, a millisecond apart, and note the senders of its rows."""
    projects = {1: batch_plan.ProjectPlan(settings=Settings(**settings))}
    plan = batch_plan.Plan(projects=projects, senders=senders)
    entries = [
        envelope.Entry(f"{at + number}-0", [payloads.payload(body, slot=slot)])
        for number, (body, slot) in enumerate(itertools.zip_longest(bodies, slots, fillvalue=0))
    ]
    tables = pipeline.process(shard, entries, plan, decider)
    if isinstance(decider, FakeLimitDecider):
        for finding, sketch in tables.sketches.get(1, {}).items():
            decider.sketches[finding] = decider.sketches.get(finding, 0) | sketch
    payloads.assert_balanced(tables)
    assert sum(tables.payloads.values()) == len(bodies)
    return tables


def blocked(name: str) -> payloads.Row:
    """Return a report of an image that this host sent."""
    return payloads.legacy(blocked_uri=f"https://{name}.example/x")
