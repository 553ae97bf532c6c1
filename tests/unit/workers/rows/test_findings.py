"""Rows of findings and policies by day, of rows of reports."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from tests.helpers import payloads
from workers.model import batch_plan
from workers.rows import findings

if TYPE_CHECKING:
    from workers import pipeline

DAY_MS = findings.DAY_MS
MIDNIGHT_MS = payloads.NOW_MS - payloads.NOW_MS % DAY_MS
TODAY = dt.date(2025, 10, 9)
PLAN = batch_plan.Plan(senders=True, findings=True)


def process(*bodies: object, received_ms: int = MIDNIGHT_MS, **known: Any) -> pipeline.Tables:
    return payloads.process(
        *(payloads.payload(body, **known) for body in bodies), plan=PLAN, received_ms=received_ms
    )


def test_a_finding_of_a_day_is_one_row_with_its_pages_and_browsers() -> None:
    first = payloads.modern(url="https://www.example.com/b", user_agent=payloads.CHROME)
    second = payloads.modern(url="https://www.example.com/a", user_agent=payloads.FIREFOX, age=1000)
    (row,) = payloads.rows(process([first, second, second], received_ms=MIDNIGHT_MS + 5000).finding_days)
    assert (row["day"], row["seen"], row["weight"]) == (TODAY, 3, 3.0)
    assert (row["first_seen"], row["last_seen"]) == (MIDNIGHT_MS + 4000, MIDNIGHT_MS + 5000)
    assert row["browsers"] == {"Chrome": 1, "Firefox": 2}
    assert set(row["documents"].values()) <= {"https://www.example.com/a", "https://www.example.com/b"}


def test_of_the_pages_of_a_group_the_first_in_the_alphabet_is_kept() -> None:
    pages = [f"https://www.example.com/{number:03d}" for number in range(200)]
    tables = process(*(payloads.legacy(document_uri=page) for page in reversed(pages)))
    (row,) = payloads.rows(tables.finding_days)
    assert list(row["documents"]) == list(range(findings.DOCUMENTS))
    assert min(row["documents"].values()) == pages[0]
    assert tables.reports["seen"] == [1] * 200


def test_days_part_at_midnight_by_the_start_of_the_window() -> None:
    tables = process([payloads.modern(age=age) for age in (0, 1, DAY_MS, 7 * DAY_MS)])
    assert tables.finding_days["day"] == [TODAY - dt.timedelta(days=days) for days in (0, 1, 7)]
    assert tables.finding_days["seen"] == [1, 2, 1]
    assert tables.months == {1: {202510}}


def test_labels_dispositions_and_releases_part_rows() -> None:
    bodies = (
        payloads.legacy(),
        payloads.legacy(disposition="report"),
        payloads.legacy(blocked_uri="chrome-extension"),
        payloads.legacy(original_policy="script-src 'self'"),
    )
    tables = process(*bodies)
    assert len(tables.finding_days["seen"]) == len(bodies)
    assert sum(tables.finding_days["impossible"]) == 1
    assert sum(rule != "" for rule in tables.finding_days["noise_rule"]) == 1


def test_policies_of_a_day_have_their_first_and_last_report() -> None:
    body = [payloads.modern(originalPolicy="img-src 'self'", age=age) for age in (5000, 0, 9000)]
    (row,) = payloads.rows(process([*body, payloads.modern()], received_ms=MIDNIGHT_MS + 9000).policy_days)
    assert (row["first_seen"], row["last_seen"]) == (MIDNIGHT_MS, MIDNIGHT_MS + 9000)
    assert (row["document_host"], row["disposition"]) == ("www.example.com", "enforce")


def test_a_batch_that_an_older_release_planned_has_months_alone() -> None:
    old = msgspec.structs.replace(PLAN, findings=False)
    tables = payloads.process(payloads.payload(payloads.legacy(original_policy="a b")), plan=old)
    assert tables.months == {1: {202510}}
    assert set(map(len, (*tables.finding_days.values(), *tables.policy_days.values()))) == {0}
    assert tables.finding_days.keys() == process().finding_days.keys()
