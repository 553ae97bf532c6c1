"""When two reports are equal."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.helpers import payloads
from workers import impossible, noise
from workers.model import report
from workers.reading import user_agents
from workers.rows import identity
from workers.stages import classify, evaluate
from workers.text import urls

CHROME = user_agents.Agent("Chrome", "148", "Windows")
FIREFOX = user_agents.Agent("Firefox", "150", "Linux")

UNSTORED = {"policy_sent", "sent", "weight", "age", "moments"}
"""Fields of a report that differ between equal reports."""
ELSEWHERE = {"policy": "the policy's hash", "user_agent": "the browser"}
"""Fields of which something else is compared."""


def only(item: object) -> classify.Finding:
    ((_, finding),) = evaluate.evaluate_payload(json.dumps([item]).encode()).findings
    return finding


def made(**changes: object) -> classify.Finding:
    """Return a new finding like that of one report, but for these attributes."""
    return msgspec.structs.replace(only(payloads.modern()), digest=0, **changes)


SHARED = [
    (payloads.modern(originalPolicy="'nonce-a'"), payloads.modern(originalPolicy="'nonce-b'")),
    (payloads.modern(blockedURL="https://a.example/?a"), payloads.modern(blockedURL="https://a.example/?b")),
    (payloads.modern(url="https://a.example/#a"), payloads.modern(url="https://a.example/#b")),
    (payloads.modern(age=1), payloads.modern(age=2)),
    (payloads.modern(user_agent="a"), payloads.modern(user_agent="b")),
    (payloads.modern(originalPolicy="report-uri /?a"), payloads.modern(originalPolicy="report-uri /?b")),
    (payloads.legacy(referrer="https://a.example/?a"), payloads.legacy(referrer="https://a.example/?b")),
]


@pytest.mark.parametrize(("one", "other"), SHARED)
def test_what_no_row_stores_does_not_tell_reports_apart(one: object, other: object) -> None:
    assert identity.digest_of(only(one)) == identity.digest_of(only(other))


APART = [
    (payloads.modern(lineNumber=1), payloads.modern(lineNumber=True)),
    (payloads.modern(sample="a?b"), payloads.modern(sample="a?c")),
    (payloads.modern(originalPolicy="report-uri /a"), payloads.modern(originalPolicy="report-uri /b")),
    (payloads.modern(lineNumber=1), payloads.modern(columnNumber=1)),
    (payloads.modern(age=True), payloads.modern(age=1)),
    (payloads.modern(url_hash="a"), payloads.modern(eval_hash="a")),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_a_row_stores_does(one: object, other: object) -> None:
    assert identity.digest_of(only(one)) != identity.digest_of(only(other))


@pytest.mark.parametrize("field", sorted({*report.Report.__struct_fields__} - UNSTORED - {*ELSEWHERE}))
def test_each_field_of_a_report_tells_reports_apart(field: str) -> None:
    finding = made()
    before = getattr(finding.report, field)
    other = {str: "other", int: 7, urls.URL: urls.URL("a:", "", ""), dict: {"a": "b"}}[type(before)]
    changed = msgspec.structs.replace(finding.report, **{field: other})
    assert identity.digest_of(made(report=changed)) != identity.digest_of(finding)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "other"},
        {"policy": 7},
        {"label": noise.Label("bug", "")},
        {"label": noise.Label("", "a-rule")},
        {"contradiction": impossible.Contradiction.ALLOWED},
    ],
)
def test_so_does_what_the_stages_found(change: dict[str, object]) -> None:
    assert identity.digest_of(made(**change)) != identity.digest_of(made())


def test_a_finding_remembers_its_digest() -> None:
    finding = made()
    assert finding.digest == 0
    identity.identity_of(finding, CHROME, {}, "1")
    assert finding.digest == identity.digest_of(finding) != 0


def test_browser_details_and_rules_make_another_identity() -> None:
    finding = made()
    found = [
        identity.identity_of(finding, CHROME, {}, "1"),
        identity.identity_of(finding, CHROME, {}, "2"),
        identity.identity_of(finding, FIREFOX, {}, "1"),
        identity.identity_of(finding, CHROME, {"release": "1"}, "1"),
        identity.identity_of(finding, CHROME, {"release": "2"}, "1"),
    ]
    assert len(set(found)) == len(found)


def test_a_browser_makes_another_variant() -> None:
    assert identity.variant_of(made(), CHROME) != identity.variant_of(made(), FIREFOX)


def test_a_report_that_shares_no_row_has_an_identity_of_its_own() -> None:
    found = [identity.single_identity_of(1, receipt, position) for receipt in "ab" for position in (0, 1)]
    assert len(set(found)) == len(found)


def test_paths_do_not_change_the_coarse_key_but_hosts_do() -> None:
    here, there, elsewhere = (
        only(payloads.modern(blockedURL=url))
        for url in ("https://a.example/1.js", "https://a.example/2.js", "https://b.example/1.js")
    )
    assert identity.coarse_key_of(here) == identity.coarse_key_of(there) != identity.coarse_key_of(elsewhere)
