"""Equal reports become one row."""

from __future__ import annotations

import pytest

from storage.projects import project_settings
from storage.queue import envelope
from tests.helpers import payloads
from workers import pipeline
from workers.model import batch_plan

NOW = payloads.NOW_MS


def plan(window: int) -> batch_plan.Plan:
    return batch_plan.Plan(
        projects={1: batch_plan.ProjectPlan(settings=project_settings.ProjectSettings(dedupe_window=window))}
    )


def batch(*received: tuple[int, object], window: int = 60) -> pipeline.Tables:
    entries = [envelope.Entry(f"{at}-0", [payloads.payload(body)]) for at, body in received]
    return pipeline.process(3, entries, plan(window))


def test_one_row_for_equal_reports_in_a_window() -> None:
    start = NOW - NOW % 60_000
    body = payloads.legacy()
    (row,) = payloads.rows(batch((start + 500, body), (start, body), (start + 59_999, body)).reports)
    assert row["seen"] == 3
    assert row["weight"] == 3.0
    assert (row["window_start"], row["first_seen"], row["last_seen"]) == (start, start, start + 59_999)


def test_windows_are_apart() -> None:
    start = NOW - NOW % 60_000
    body = payloads.legacy()
    rows = payloads.rows(batch((start + 59_999, body), (start + 60_000, body)).reports)
    assert [row["window_start"] for row in rows] == [start, start + 60_000]
    assert len({row["identity"] for row in rows}) == 1


def test_the_age_moves_a_report_back() -> None:
    start = NOW - NOW % 60_000
    rows = payloads.rows(batch((start + 5, [payloads.modern(age=10), payloads.modern(age=2)])).reports)
    assert [(row["window_start"], row["last_seen"]) for row in rows] == [
        (start - 60_000, start - 5),
        (start, start + 3),
    ]


def test_time_does_not_begin_before_the_epoch() -> None:
    (row,) = payloads.rows(batch((5, [payloads.modern(age=1000)])).reports)
    assert row["first_seen"] == 0


def test_equal_reports_of_different_text_are_one_row() -> None:
    bodies = [payloads.legacy(), [payloads.modern(user_agent=payloads.FIREFOX)], payloads.legacy(x=1)]
    tables = batch(*((NOW, body) for body in bodies))
    assert tables.reports["seen"] == [3]


@pytest.mark.parametrize(
    "member", ["disposition", "line_number", "script_sample", "original_policy", "referrer"]
)
def test_what_a_row_stores_makes_it_distinct(member: str) -> None:
    value = {"disposition": "report", "line_number": 7, "referrer": "https://a.example/"}.get(member, "x")
    tables = batch((NOW, payloads.legacy()), (NOW, payloads.legacy(**{member: value})))
    assert len(set(tables.reports["identity"])) == 2


def test_browsers_are_apart() -> None:
    bodies = [[payloads.modern(user_agent=agent)] for agent in (payloads.CHROME, payloads.FIREFOX)]
    tables = batch(*((NOW, body) for body in bodies))
    assert tables.reports["browser"] == ["Chrome", "Firefox"]
    assert len(set(tables.reports["identity"])) == 2


def test_the_request_names_the_browser_where_the_report_does_not() -> None:
    rows = [payloads.row(payloads.legacy(), user_agent=agent) for agent in (payloads.CHROME, "")]
    assert [(row["browser"], row["os"]) for row in rows] == [("Chrome", "Windows"), ("", "")]


def test_without_a_window_each_report_is_a_row() -> None:
    body = [payloads.modern(age=3), payloads.modern(age=3)]
    tables = batch((NOW, body), (NOW + 1, body), window=0)
    rows = payloads.rows(tables.reports)
    assert [row["seen"] for row in rows] == [1] * 4
    assert [row["window_start"] - NOW for row in rows] == [-3, -2, -3, -2]
    assert len({row["identity"] for row in rows}) == 4
    assert len({row["fingerprint"] for row in rows}) == 1
    payloads.assert_balanced(tables)


def test_a_policy_is_stored_once_a_project() -> None:
    bodies = [
        payloads.legacy(original_policy="img-src 'self'", blocked_uri="data"),
        payloads.legacy(original_policy="img-src 'self'", blocked_uri="blob"),
        payloads.legacy(original_policy="img-src 'none'"),
        payloads.legacy(),
    ]
    tables = batch(*((NOW + at, body) for at, body in enumerate(bodies)))
    policies = payloads.rows(tables.policies)
    assert [policy["text"] for policy in policies] == ["img-src 'self'", "img-src 'none'"]
    assert [(policy["first_seen"] - NOW, policy["last_seen"] - NOW) for policy in policies] == [
        (0, 1),
        (2, 2),
    ]
    hashes = [policy["hash"] for policy in policies]
    assert tables.reports["policy"] == [hashes[0], hashes[0], hashes[1], 0]


def test_rows_of_archived_releases_are_apart() -> None:
    plan = batch_plan.Plan(projects={1: batch_plan.ProjectPlan(archived=(("prod", "0.9"), ("", "1.0")))})
    pairs = [("prod", "0.9"), ("prod", "1.0"), ("", "1.0"), ("prod", "0.9")]
    sent = [payloads.payload(payloads.legacy(), environment=one, release=other) for one, other in pairs]
    tables = payloads.process(*sent, plan=plan)
    payloads.assert_balanced(tables)
    found = [(row["environment"], row["release"], row["seen"]) for row in payloads.rows(tables.archived)]
    assert found == [("prod", "0.9", 2), ("", "1.0", 1)]
    assert tables.archived["move"] == [0, 0]
    assert tables.reports["release"] == ["1.0"]


def test_a_row_of_each_report_is_archived_too() -> None:
    settings = project_settings.ProjectSettings(dedupe_window=0)
    project = batch_plan.ProjectPlan(settings=settings, archived=(("prod", "0.9"),))
    sent = [payloads.payload(payloads.legacy(), environment="prod", release="0.9")] * 2
    tables = payloads.process(*sent, plan=batch_plan.Plan(projects={1: project}))
    assert (tables.archived["seen"], tables.reports["seen"]) == ([1, 1], [])
