"""Fingerprints: what is one finding and what is another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.workers import payloads
from workers import classify, report, urls
from workers.families import csp


def fingerprint(body: object, **known: Any) -> int:
    return payloads.row(body, **known)["fingerprint"]


SAME = {
    "age": [payloads.modern(age=60_000)],
    "user agent": [payloads.modern(user_agent=payloads.SAFARI)],
    "query": payloads.legacy(document_uri="https://www.example.com/account?a=1#b"),
    "scheme": payloads.legacy(document_uri="http://www.example.com/account"),
    "path of what was blocked": payloads.legacy(blocked_uri="https://tracker.example/other.gif?x"),
    "disposition": payloads.legacy(disposition="report"),
    "policy": payloads.legacy(original_policy="img-src 'self' 'nonce-abc'"),
    "sample": payloads.legacy(script_sample="x"),
    "line": payloads.legacy(line_number=7),
    "referrer": payloads.legacy(referrer="https://search.example/"),
}
OTHER = {
    "directive": payloads.legacy(effective_directive="font-src"),
    "host of what was blocked": payloads.legacy(blocked_uri="https://other.example/p.gif"),
    "keyword": payloads.legacy(blocked_uri="inline"),
    "page": payloads.legacy(document_uri="https://www.example.com/basket"),
    "site": payloads.legacy(document_uri="https://shop.example.com/account"),
    "source file": payloads.legacy(source_file="https://www.example.com/a.js"),
}


@pytest.mark.parametrize("body", SAME.values(), ids=SAME)
def test_this_does_not_make_another_finding(body: object) -> None:
    assert fingerprint(body) == fingerprint(payloads.legacy())


@pytest.mark.parametrize("body", OTHER.values(), ids=OTHER)
def test_this_makes_another_finding(body: object) -> None:
    assert fingerprint(body) != fingerprint(payloads.legacy())


def test_a_finding_is_the_same_everywhere() -> None:
    known = {"project_id": 2, "environment": "staging", "release": "2.0", "key": "x"}
    assert fingerprint(payloads.legacy(), **known) == fingerprint(payloads.legacy())


def test_the_fingerprint_is_stored_so_it_never_changes() -> None:
    found = report.Report(
        kind="csp",
        directive="img-src",
        blocked=urls.clean("https://tracker.example/p.gif"),
        document=urls.clean("https://www.example.com/users/42/photos"),
    )
    assert classify.VERSION == 1
    assert classify.fingerprint(found) == FIRST_VERSION


FIRST_VERSION = 11383918812754570255
TEMPLATES = [
    ("/users/42/photos", "/users/7/photos"),
    ("/static/app.3f2a1b9c.js", "/static/app.99e01d22.js"),
    ("/o/11111111-2222-3333-4444-aaaaaaaaaaaa", "/o/9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"),
    ("/t/eyJhbGci0iJI1", "/t/abc12defgh34"),
    ("/v1.2.3/x", "/v1.10.0/x"),
]


@pytest.mark.parametrize(("one", "other"), TEMPLATES)
def test_variable_parts_of_a_path_do_not_count(one: str, other: str) -> None:
    bodies = [payloads.legacy(document_uri=f"https://www.example.com{path}") for path in (one, other)]
    assert fingerprint(bodies[0]) == fingerprint(bodies[1])


@pytest.mark.parametrize(
    ("one", "other"), [("/jquery.js", "/react.js"), ("/a/b", "/a/c"), ("/v1/a", "/w1/a")]
)
def test_the_words_of_a_path_count(one: str, other: str) -> None:
    bodies = [payloads.legacy(source_file=f"https://www.example.com{path}") for path in (one, other)]
    assert fingerprint(bodies[0]) != fingerprint(bodies[1])


def test_the_raw_text_is_made_once() -> None:
    members = {"url": b'"https://a.example/?x"'}
    finding = classify.classify(csp.FAMILY, report.Report(kind="csp"), report.Item("", members, members))
    assert finding.raw == '{"url":"https://a.example/"}'
    assert finding.raw is finding.raw
