"""What could not be understood is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storage.queue import envelope
from tests.helpers import payloads
from tests.unit.workers.limits import deciders
from workers import pipeline
from workers.model import batch_plan
from workers.rows import quarantine

NOW = payloads.NOW_MS


def test_each_invalid_item_is_kept_with_its_text() -> None:
    good = payloads.modern()
    body: list[Any] = [good, None, 1, "x", [], {}, {"type": "csp-violation", "age": 5, "body": {}}]
    tables = payloads.process(payloads.payload(body))
    kept = payloads.rows(tables.quarantine)
    assert [(row["reason"], json.loads(row["raw"])) for row in kept] == [
        ("not_an_object", None),
        ("not_an_object", 1),
        ("not_an_object", "x"),
        ("not_an_object", []),
        ("no_type", {}),
        ("no_directive", body[6]),
    ]
    assert {(row["received"], row["receipt"], row["project_id"]) for row in kept} == {
        (NOW, f"3-{NOW}-0-0", 1)
    }
    assert tables.found == {1: 7}
    payloads.assert_balanced(tables)


def test_an_undecoded_item_is_kept_as_it_was() -> None:
    tables = payloads.process(payloads.payload(b'[{"type":"csp-violation","age":5,"body":{"a":1e2}}]'))
    assert tables.quarantine["raw"] == [b'{"type":"csp-violation","age":5,"body":{"a":1e2}}']


def test_who_sent_it_is_kept_for_a_replay() -> None:
    slots = [1, 1904, 0, 1905, 2**63, -1]
    tables = payloads.process(*(payloads.payload([1], slot=slot) for slot in slots))
    assert tables.quarantine["slot"] == [1, 1904, 0, 0, 0, 0]
    assert tables.reports["reach"] == []


@pytest.mark.parametrize(("body", "reason"), [(b"nope", "not_json"), (b"null", "not_a_report")])
def test_an_unreadable_payload_is_kept_whole_and_counts_one(body: bytes, reason: str) -> None:
    tables = payloads.process(payloads.payload(body))
    assert payloads.outcome_counts(tables) == {("invalid", reason): 1}
    assert tables.quarantine["raw"] == [body]
    assert tables.found == tables.payloads == {1: 1}


def test_each_receipt_finds_its_verdict() -> None:
    bad, good = payloads.payload(b"nope"), payloads.payload(payloads.legacy())
    entries = [envelope.Entry("10-0", [bad, good, bad]), envelope.Entry("20-1", [bad])]
    tables = pipeline.process(3, entries, batch_plan.Plan())
    assert tables.quarantine["receipt"] == ["3-10-0-0", "3-10-0-2", "3-20-1-0"]
    assert tables.quarantine["received"] == [10, 10, 20]


def test_items_beyond_the_limit_are_counted_and_the_payload_kept() -> None:
    payload = payloads.payload([payloads.modern()] * 305)
    tables = payloads.process(payload)
    assert payloads.outcome_counts(tables) == {("accepted", ""): 300, ("invalid", "too_many"): 5}
    assert [(row["reason"], row["raw"]) for row in payloads.rows(tables.quarantine)] == [
        ("too_many", payload.body)
    ]
    payloads.assert_balanced(tables)


@pytest.mark.parametrize(("surplus", "reason"), [(0, "not_an_object"), (5, "too_many")])
def test_a_payload_with_many_invalid_items_is_kept_whole(surplus: int, reason: str) -> None:
    count = 300 + surplus if surplus else quarantine.MAX_ITEMS + 1
    payload = payloads.payload([1] * count)
    tables = payloads.process(payload)
    assert [(row["reason"], row["raw"]) for row in payloads.rows(tables.quarantine)] == [
        (reason, payload.body)
    ]
    assert tables.found == {1: count}
    payloads.assert_balanced(tables)


WRONG = [b"wrong %d" % number for number in range(5)]
ROW = quarantine.ROW_BYTES + len(WRONG[0])


@pytest.mark.parametrize(("most", "kept"), [(0, 5), (1, 0), (ROW, 1), (3 * ROW - 1, 2), (5 * ROW, 5)])
def test_what_is_more_than_a_project_may_keep_is_only_counted(most: int, kept: int) -> None:
    tables = deciders.process(deciders.FakeLimitDecider(), *WRONG, quarantine_per_hour=most)
    assert tables.quarantine["raw"] == WRONG[:kept]
    assert payloads.outcome_counts(tables) == {("invalid", "not_json"): 5}


def test_each_hour_is_asked_for_once_and_without_invalid_reports_nothing() -> None:
    decider, hour = deciders.FakeLimitDecider(), NOW // 3_600_000
    at = (hour + 1) * 3_600_000 - 2
    deciders.process(decider, *WRONG, payloads.legacy(), at=at, quarantine_per_hour=2 * ROW)
    assert decider.asked == [("grant_quarantine", 1, 2 * ROW, {hour: 2 * ROW, hour + 1: 3 * ROW})]
    deciders.process(decider, payloads.legacy())
    assert len(decider.asked) == 1


def test_poison_is_kept_whatever_a_project_may_keep() -> None:
    decider = deciders.FakeLimitDecider()
    settings = deciders.Settings(quarantine_per_hour=1)
    projects = {1: batch_plan.ProjectPlan(settings=settings)}
    plan = batch_plan.Plan(projects=projects, poison={"3-10-0-0": "It broke."})
    entries = [envelope.Entry("10-0", [payloads.payload(WRONG[0]), payloads.payload(WRONG[1])])]
    tables = pipeline.process(3, entries, plan, decider)
    assert tables.quarantine["reason"] == ["poison"]
    assert decider.asked == [("grant_quarantine", 1, 1, {0: ROW})]
    payloads.assert_balanced(tables)


def test_rows_are_numbered_within_their_receipt_and_counted() -> None:
    bad = payloads.payload([1, 1, 2])
    entries = [envelope.Entry("10-0", [bad, bad]), envelope.Entry("20-0", [payloads.payload(b"nope")])]
    tables = pipeline.process(3, entries, batch_plan.Plan(numbered=True))
    named = list(zip(tables.quarantine["receipt"], tables.quarantine["item"], strict=True))
    assert named == [
        *[("3-10-0-0", item) for item in (1, 2, 3)],
        *[("3-10-0-1", item) for item in (1, 2, 3)],
        ("3-20-0-0", 1),
    ]
    assert (tables.quarantined, tables.beyond) == ({1: 7}, {})
    older = pipeline.process(3, entries, batch_plan.Plan())
    assert (set(older.quarantine["item"]), older.quarantined) == ({0}, {})


def test_what_is_beyond_the_bound_is_counted_too() -> None:
    settings = deciders.Settings(quarantine_per_hour=2 * ROW)
    projects = {1: batch_plan.ProjectPlan(settings=settings)}
    entries = [envelope.Entry("10-0", [payloads.payload(body) for body in WRONG])]
    for numbered, counts in ((True, ({1: 5}, {1: 3})), (False, ({}, {}))):
        plan = batch_plan.Plan(projects=projects, numbered=numbered)
        tables = pipeline.process(3, entries, plan, deciders.FakeLimitDecider())
        assert len(tables.quarantine["raw"]) == 2
        assert (tables.quarantined, tables.beyond) == counts


def test_only_projects_with_a_bound_are_bounded() -> None:
    bounded = batch_plan.ProjectPlan(settings=deciders.Settings(quarantine_per_hour=1))
    boundless = batch_plan.ProjectPlan(settings=deciders.Settings(quarantine_per_hour=0))
    plan = batch_plan.Plan(projects={1: bounded, 2: boundless}, numbered=True)
    entry = envelope.Entry("10-0", [payloads.payload(WRONG[0], project_id=number) for number in (1, 2)])
    tables = pipeline.process(3, [entry], plan, deciders.FakeLimitDecider())
    assert tables.quarantine["project_id"] == [2]
    assert (tables.quarantined, tables.beyond) == ({1: 1, 2: 1}, {1: 1})
