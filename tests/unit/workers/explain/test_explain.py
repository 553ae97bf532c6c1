"""Explanations say what the pipeline does, for every payload alike."""

from __future__ import annotations

import collections
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from storage.projects import project_settings
from tests.helpers import payloads, recorded, strategies
from workers import impossible
from workers.explain import explain
from workers.stages import evaluate

if TYPE_CHECKING:
    from workers.explain import explanation
    from workers.model import report

ORDER = (
    "detect",
    "normalise",
    "admission",
    "impossible",
    "signs",
    "scrub",
    "noise",
    "classify",
    "user agent",
)


def explained(body: object, **asked: Any) -> explanation.Explanation:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return explain.explain(sent, **asked)


def stages(one: explanation.Explained) -> dict[str, explanation.ExplainedStage]:
    return {stage.stage: stage for stage in one.stages}


def only(body: object, **asked: Any) -> dict[str, explanation.ExplainedStage]:
    (one,) = explained(body, **asked).reports
    return stages(one)


def changes(stage: explanation.ExplainedStage) -> dict[str, tuple[str, str]]:
    return {change.what: (change.before, change.after) for change in stage.changes}


def _agrees(body: bytes) -> None:
    """The explanation of a payload must be what the pipeline does to it."""
    explanation = explain.explain(body, user_agent=payloads.CHROME)
    evaluated = evaluate.evaluate_payload(body)
    explained_outcomes = collections.Counter((one.outcome, one.reason) for one in explanation.reports)
    if explanation.reports:
        counted: collections.Counter[tuple[str, str]] = collections.Counter()
        for outcome_key, times in evaluated.outcome_counts.items():
            counted[outcome_key.outcome, outcome_key.reason] += times
        counted.pop(("invalid", "too_many"), None)
        assert explained_outcomes == counted
    titles = [one.title for one in explanation.reports if one.outcome == "accepted"]
    assert titles == [finding.title for _, finding in evaluated.findings]
    assert {row["title"] for row in explanation.rows} == set(titles)
    for one in explanation.reports:
        names = [stage.stage for stage in one.stages]
        assert tuple(names) == ORDER[: len(names)]


@pytest.mark.parametrize(("vector", "body"), recorded.cases())
def test_every_vector_is_explained_as_it_is_evaluated(vector: payloads.Row, body: bytes) -> None:
    assert vector
    _agrees(body)


@settings(deadline=None)
@given(strategies.BODIES)
def test_anything_is_explained_as_it_is_evaluated(body: bytes) -> None:
    _agrees(body)


def test_what_was_cleaned_is_told_with_what_it_was() -> None:
    body = payloads.legacy(
        blocked_uri="https://user:pw@tracker.example/p.gif?id=1#x",
        original_policy="img-src 'nonce-r4nd0m'",
        line_number="many",
        source_file=7,
    )
    told = changes(only(body)["normalise"])
    assert told == {
        "blocked-uri": ("https://user:pw@tracker.example/p.gif?id=1#x", "https://tracker.example/p.gif"),
        "original-policy": ("img-src 'nonce-r4nd0m'", "img-src 'nonce-…'"),
        "source_file": ("", "nothing"),
        "line": ("", "nothing"),
    }


def test_what_only_the_report_as_it_was_sent_tells_is_told() -> None:
    assert only(payloads.legacy())["signs"].result == "Nothing to note."
    query = only(payloads.legacy(blocked_uri="https://new.example/metric/?wid=1&rid=2"))
    assert query["signs"].facts == {"rules": ["monetizus-anywhere"]}
    assert query["noise"].facts["rule"] == "monetizus-anywhere"


def test_what_software_wrote_into_a_policy_is_told() -> None:
    added = " https://gc.kis.v2.scr.kaspersky-labs.com"
    told = only(payloads.legacy(original_policy=f"img-src 'self'{added}"))["signs"]
    assert told.result == "The policy is not as the site sent it."
    assert changes(told) == {"policy": (f"img-src 'self'{added}", "img-src 'self'")}
    assert "kaspersky" in told.changes[0].why


def test_what_names_were_made_of_is_told() -> None:
    report = payloads.legacy(effective_directive="IMG-SRC 'self'", disposition="reporting")
    assert changes(only(report)["normalise"]) == {
        "effective-directive": ("IMG-SRC 'self'", "img-src"),
        "disposition": ("reporting", "report"),
    }


def test_how_a_report_was_recognised_is_told() -> None:
    certificate = payloads.certificate(known_pins=[])
    assert only(payloads.legacy())["detect"].result == "csp, by its member csp-report."
    assert only([payloads.modern()])["detect"].result == "csp, by its type csp-violation."
    assert only(certificate)["detect"].result == "hpkp, by the names of its members."


@pytest.mark.parametrize(
    ("body", "stage", "reason"),
    [
        (b"[7]", "detect", "not_an_object"),
        (b"{}", "detect", "unrecognised"),
        (b'{"csp-report": {"blocked-uri": "x"}}', "normalise", "no_directive"),
        (b'{"expect-ct-report": {"test-report": true}}', "normalise", "test_report"),
    ],
)
def test_where_a_report_was_refused_is_told(body: bytes, stage: str, reason: str) -> None:
    (one,) = explained(body).reports
    assert one.reason == reason
    assert one.stages[-1].stage == stage
    assert one.stages[-1].facts["reason"] == reason


@pytest.mark.parametrize(
    ("body", "result", "mended"),
    [
        (json.dumps(payloads.legacy()).encode(), "One object.", False),
        (json.dumps([payloads.legacy()]).encode(), "An array of 1 items.", False),
        (json.dumps([payloads.modern()]).encode(), "A batch of the Reporting API with 1 items.", False),
        (b"\xef\xbb\xbf" + json.dumps(payloads.legacy()).encode(), "One object.", True),
    ],
)
def test_how_the_body_was_read_is_told(body: bytes, result: str, *, mended: bool) -> None:
    stage = explained(body).decode
    assert stage.result == result
    assert bool(stage.changes) is mended


def test_a_body_that_no_parser_reads_is_explained() -> None:
    explanation = explained(b"\x00")
    assert explanation.decode.facts["reason"] == "not_json"
    assert (explanation.reports, explanation.rows) == ((), ())


def test_an_array_that_is_too_long_is_told() -> None:
    explanation = explained([payloads.modern()] * 301)
    assert "301 reports; 300 were read" in explanation.decode.result
    assert len(explanation.reports) == 300


def test_a_policy_that_allows_it_is_told() -> None:
    told = only(payloads.legacy(original_policy="img-src *"))["impossible"]
    assert told.result == "Its policy allows the URL itself: a redirect led elsewhere, or it is forged."
    assert told.facts == {"allowed": True, "impossible": False}
    told = only(payloads.legacy(original_policy="script-src 'self'"))["impossible"]
    assert told.result == "Its policy allows what was blocked, and no redirect explains it."
    assert told.facts == {"allowed": True, "impossible": True}
    told = only(payloads.legacy(original_policy="img-src 'self'"))["impossible"]
    assert told.facts == {"allowed": False, "impossible": False}
    assert only(payloads.legacy())["impossible"].result == "It carries no policy to judge by."


def test_a_report_from_elsewhere_is_told() -> None:
    elsewhere = project_settings.ProjectSettings(allowed_origins=("https://shop.example",))
    (left_out,) = explained(payloads.legacy(), settings=elsewhere).reports
    assert (left_out.outcome, left_out.reason) == ("filtered", "origin")
    assert left_out.stages[-1].stage == "admission"
    assert only(payloads.legacy())["admission"].result == "The project takes it."


def test_what_noise_it_is_is_told() -> None:
    body = payloads.legacy(blocked_uri="chrome-extension")
    assert only(body)["noise"].result == "extension, by the rule chrome-extension."
    (dropped,) = explained(body, settings=project_settings.ProjectSettings(noise_drop=("extension",))).reports
    assert (dropped.outcome, dropped.reason, dropped.title) == ("filtered", "chrome-extension", "")
    assert dropped.stages[-1].result == "extension, by the rule chrome-extension; the project drops it."


def test_what_was_scrubbed_is_told() -> None:
    body = payloads.legacy(
        document_uri="https://www.example.com/of/jane.doe@example.com", script_sample="a@b.example"
    )
    told = only(body)["scrub"]
    assert told.result == "2 fields changed."
    assert changes(told) == {
        "document": ("https://www.example.com/of/jane.doe@example.com", "https://www.example.com/of/{mail}"),
        "sample": ("a@b.example", "{mail}"),
    }


def test_what_the_fingerprint_is_made_of_is_told() -> None:
    told = only(payloads.legacy(blocked_uri="https://d1234abcd.cloudfront.net/x"))["classify"].facts
    assert (
        told["fingerprint"]
        == payloads.row(payloads.legacy(blocked_uri="https://d9f8e7xyz.cloudfront.net"))["fingerprint"]
    )
    assert {name: told[name] for name in ("version", "blocked")} == {
        "version": "2",
        "blocked": "*.cloudfront.net",
    }


def test_whose_user_agent_counts_is_told() -> None:
    assert only(payloads.legacy(), user_agent=payloads.CHROME)["user agent"].result == (
        "Chrome 148 on Windows, by the user agent of the request."
    )
    assert only([payloads.modern(user_agent=payloads.SAFARI)])["user agent"].result == (
        "Safari 26 on Mac OS X, by the user agent of the report."
    )
    assert only(payloads.legacy())["user agent"].result == "Unknown."


def test_equal_reports_are_told_to_collapse() -> None:
    twice = explained([payloads.modern(age=1), payloads.modern(age=1)], received_ms=payloads.NOW_MS)
    assert twice.collapse.facts == {"accepted": 2, "rows": 1, "dedupe_window": 60}
    assert twice.rows[0]["seen"] == 2
    assert twice.rows[0]["first_seen"] == "2025-10-09T08:53:19.999Z"
    each = explained([payloads.modern()] * 2, settings=project_settings.ProjectSettings(dedupe_window=0))
    assert len(each.rows) == 2
    assert each.collapse.result == "Each report becomes a row; accepted: 2, rows: 2."


def test_a_defect_is_told_like_any_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_found: report.Report, **_known: bool) -> bool:
        raise KeyError("x")

    monkeypatch.setattr(impossible, "of_report", broken)
    (one,) = explained(payloads.legacy()).reports
    assert (one.outcome, one.reason) == ("invalid", "defect")
    assert stages(one)["defect"].result.startswith("KeyError in workers/explain/test_explain.py, line ")
