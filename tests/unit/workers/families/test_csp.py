"""Content Security Policy reports of every generation of senders."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import payloads

PAGE = "https://www.example.com/account"
IMAGE = "https://tracker.example/p.gif"

SENDERS = {
    "report-uri": payloads.legacy(),
    "reporting api": [payloads.modern()],
    "safari, one object": {"type": "csp-violation", "url": PAGE, "body": payloads.modern()["body"]},
    "wrapper lost": payloads.legacy()["csp-report"],
    "wrapper inside a body": [{"type": "csp-violation", "body": payloads.legacy(), "url": PAGE}],
    "early type name": [payloads.modern() | {"type": "csp"}],
    "snake case": {
        "csp-report": {
            "document_uri": PAGE,
            "violated_directive": "img-src 'self'",
            "blocked_uri": IMAGE,
            "disposition": "enforce",
        }
    },
    "firefox 5": {
        "csp-report": {
            "request": f"GET {PAGE}?token=1 HTTP/1.1",
            "request-headers": "Cookie: sid=SECRET",
            "blocked-uri": IMAGE,
            "violated-directive": "img-src http://www.example.com",
            "disposition": "enforce",
        }
    },
    "posted event": {
        "type": "securitypolicyviolation",
        "documentURI": PAGE,
        "blockedURI": IMAGE,
        "effectiveDirective": "img-src",
        "disposition": "enforce",
    },
    "hybrid of webkit": payloads.legacy() | {"type": "csp-violation", "url": PAGE},
    "sent again in an array": [payloads.legacy()],
    "form of 2011": (
        b"document-url=https%3A%2F%2Fwww.example.com%2Faccount&violated-directive=img-src"
        b"&blocked-url=https%3A%2F%2Ftracker.example%2Fp.gif&disposition=enforce"
    ),
}


@pytest.mark.parametrize("body", SENDERS.values(), ids=SENDERS)
def test_every_sender_says_the_same(body: object) -> None:
    row = payloads.row(body)
    said = ("kind", "directive", "document", "document_host", "blocked", "blocked_host", "disposition")
    assert [row[column] for column in said] == [
        "csp",
        "img-src",
        PAGE,
        "www.example.com",
        IMAGE,
        "tracker.example",
        "enforce",
    ]
    assert row["title"] == "Blocked image from tracker.example"
    assert row["details"] == {}
    assert row["fingerprint"] == payloads.row(payloads.legacy())["fingerprint"]


def test_all_members_are_read() -> None:
    body = payloads.modern(
        age=15,
        referrer="https://search.example/?q=secret",
        originalPolicy="img-src 'self'",
        sourceFile="https://www.example.com/a.js?v=1",
        lineNumber=7,
        columnNumber="9",
        sample="alert(1)",
        statusCode=200.0,
    )
    row = payloads.row([body])
    assert row["referrer_host"] == "search.example"
    assert row["source_file"] == "https://www.example.com/a.js"
    assert (row["line"], row["column"], row["status_code"]) == (7, 9, 200)
    assert row["sample"] == "alert(1)"
    assert (row["browser"], row["browser_version"], row["os"]) == ("Chrome", "148", "Windows")
    assert row["first_seen"] == row["last_seen"] == payloads.NOW_MS - 15
    assert row["policy"] != 0


DIRECTIVES = [
    ({"effective_directive": "IMG-SRC"}, "img-src"),
    ({"effective_directive": "img-src 'self' data:"}, "img-src"),
    ({"effective_directive": None, "violated_directive": " Img-Src  https://a "}, "img-src"),
    ({"effective_directive": "", "violated_directive": "font-src"}, "font-src"),
    ({"effective_directive": 5, "violated_directive": "font-src"}, "font-src"),
    ({"effective_directive": "img-src;"}, "img-src"),
    ({"effective_directive": None, "violated_directive": "img-src; report-uri /csp"}, "img-src"),
    ({"effective_directive": "future-src"}, "future-src"),
    ({"effective_directive": "x" * 65}, "other"),
    ({"effective_directive": "<script>"}, "other"),
]


@pytest.mark.parametrize(("members", "directive"), DIRECTIVES)
def test_directive(members: dict[str, Any], directive: str) -> None:
    assert payloads.row(payloads.legacy(**members))["directive"] == directive


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (payloads.legacy(effective_directive=None), "no_directive"),
        (payloads.legacy(effective_directive=["img-src"]), "no_directive"),
        ({"csp-report": {}}, "no_directive"),
        ({"csp-report": {"effective-directive": "img-src"}}, "no_location"),
        (
            {"csp-report": {"effective-directive": "img-src", "document-uri": 5, "blocked-uri": ""}},
            "no_location",
        ),
        ({"csp-report": "x"}, "not_an_object"),
    ],
)
def test_a_report_without_the_essential_is_invalid(body: object, reason: str) -> None:
    tables = payloads.process(payloads.payload(body))
    assert payloads.outcome_counts(tables) == {("invalid", reason): 1}
    assert tables.outcomes["kind"] == ["csp"]


def test_a_bad_field_does_not_lose_the_report() -> None:
    row = payloads.row(
        payloads.legacy(
            document_uri="http://[::1",
            referrer={},
            blocked_uri=["x"],
            disposition="maybe",
            line_number=-1,
            column_number=7.5,
            status_code=99999,
            script_sample=[1],
            original_policy=False,
        )
    )
    assert row["details"]["nulled"] == (
        "disposition,blocked,document,referrer,line,column,sample,policy,status_code"
    )
    assert (row["document"], row["blocked"], row["line"], row["policy"]) == ("", "", 0, 0)


@pytest.mark.parametrize(
    ("envelope", "nulled"),
    [
        ({"age": True}, "age"),
        ({"age": "x"}, "age"),
        ({"user_agent": ["x"]}, "user_agent"),
        ({"url": 5}, "url"),
    ],
)
def test_a_bad_envelope_does_not_lose_the_report(envelope: dict[str, Any], nulled: str) -> None:
    row = payloads.row([payloads.modern() | envelope])
    assert row["details"] == {"nulled": nulled}
    assert row["last_seen"] == payloads.NOW_MS
    assert row["document"] == PAGE


def test_the_outer_url_is_the_document() -> None:
    row = payloads.row([payloads.modern(url="https://real.example/", documentURL=IMAGE)])
    assert row["document_host"] == "real.example"


def test_nonces_do_not_make_new_policies() -> None:
    bodies = [payloads.legacy(original_policy=f"script-src 'nonce-{nonce}' 'self'") for nonce in "ab"]
    tables = payloads.process(*(payloads.payload(body) for body in bodies))
    (policy,) = payloads.rows(tables.policies)
    assert policy["text"] == "script-src 'nonce-…' 'self'"
    assert tables.reports["seen"] == [2]


def test_long_texts_are_cut() -> None:
    body = payloads.legacy(script_sample="s" * 1000, original_policy="p" * 100_000)
    tables = payloads.process(payloads.payload(body))
    assert len(tables.reports["sample"][0]) == 256
    assert len(tables.policies["text"][0]) == 16_384


def test_hashes_of_the_experiment_are_kept() -> None:
    row = payloads.row(payloads.legacy(url_hash="sha256-a", eval_hash=""))
    assert row["details"] == {"url_hash": "sha256-a"}
