"""Reports of a time that was removed are left out, by when each payload was received."""

from __future__ import annotations

import pytest

from storage.projects import project_settings
from storage.queue import envelope
from tests.helpers import payloads
from tests.unit.workers.limits import deciders
from workers import pipeline
from workers.model import batch_plan

NOW = payloads.NOW_MS
DAY = 86_400_000


def plan(before_ms: int, window_s: int = 60, **settings: object) -> batch_plan.Plan:
    given = project_settings.ProjectSettings(dedupe_window=window_s, **settings)  # type: ignore[arg-type]
    return batch_plan.Plan(projects={1: batch_plan.ProjectPlan(settings=given, removed_before=before_ms)})


def aged(*ages: int) -> envelope.Payload:
    return payloads.payload([payloads.modern(age=age) for age in ages])


@pytest.mark.parametrize(
    ("before_ms", "age", "outcome"),
    [
        (0, 6 * DAY, "accepted"),
        (NOW - 5 * DAY, 6 * DAY, "filtered"),
        (NOW - 5 * DAY, 4 * DAY, "accepted"),
        (NOW - 5 * DAY, 5 * DAY + 60_000, "filtered"),
        (NOW - 7 * DAY, 6 * DAY, "accepted"),
        (NOW + 400 * DAY, 0, "accepted"),
        (NOW + 400 * DAY, 2 * DAY, "filtered"),
    ],
)
def test_what_lies_before_is_expired_but_never_what_happens_now(
    before_ms: int, age: int, outcome: str
) -> None:
    tables = payloads.process(aged(age), plan=plan(before_ms))
    reason = "expired" if outcome == "filtered" else ""
    assert payloads.outcome_counts(tables) == {(outcome, reason): 1}
    payloads.assert_balanced(tables)


def test_the_start_of_the_window_counts() -> None:
    before = NOW - NOW % DAY
    for window_s, accepted in ((86_400, 1), (0, 1)):
        tables = payloads.process(aged(NOW - before), plan=plan(before, window_s))
        assert sum(tables.reports["seen"]) == accepted
    tables = payloads.process(aged(NOW - before + 1), plan=plan(before, 0), received_ms=NOW + 2 * DAY)
    assert sum(tables.reports["seen"]) == 1
    tables = payloads.process(aged(3 * DAY), plan=plan(NOW - 2 * DAY, 0))
    assert sum(tables.reports["seen"]) == 0


def test_equal_payloads_fare_by_when_they_were_received() -> None:
    payload = aged(4 * DAY, 0)
    entries = [envelope.Entry(f"{NOW + days * DAY}-0", [payload]) for days in (0, 1, 2)]
    tables = pipeline.process(3, entries, plan(NOW - 3 * DAY - 60_000))
    assert payloads.outcome_counts(tables) == {("accepted", ""): 5, ("filtered", "expired"): 1}
    assert min(tables.reports["window_start"]) >= NOW - 3 * DAY - 60_000
    payloads.assert_balanced(tables)
    assert tables.receipts["accepted"] == [(1,), (2,), (2,)]


def test_limits_count_what_is_left() -> None:
    tables = pipeline.process(
        3,
        [envelope.Entry(f"{NOW}-0", [aged(6 * DAY, 0, 0)])],
        plan(NOW - 5 * DAY, quota_per_minute=1),
        deciders.FakeLimitDecider(1),
    )
    assert payloads.outcome_counts(tables) == {
        ("accepted", ""): 1,
        ("filtered", "expired"): 1,
        ("quota", "project_minute"): 1,
    }
    payloads.assert_balanced(tables)


def test_nothing_is_stored_of_deleted_projects() -> None:
    bad, good = payloads.payload(b"nope"), payloads.payload(payloads.legacy(), project_id=2)
    tables = payloads.process(bad, good, bad, plan=batch_plan.Plan(deleted=(1,), numbered=True))
    assert tables.outcomes["project_id"] == tables.reports["project_id"] == [2]
    assert tables.quarantine["raw"] == []
    assert (tables.payloads, tables.found, tables.quarantined) == ({1: 2, 2: 1}, {2: 1}, {})
    assert tables.receipts["project_id"] == [(1, 2, 1)]
    assert tables.receipts["accepted"] == [(0, 1, 0)]
