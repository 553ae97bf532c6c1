"""What the columns say of each Reporting API type, by examples."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import payloads

PAGE = "https://www.example.com/account"
SCRIPT = {"sourceFile": "https://www.example.com/a.js?v=1", "lineNumber": 4, "columnNumber": 12}
AT_SCRIPT = {"source_file": "https://www.example.com/a.js", "line": 4, "column": 12}

INTEGRITY = {"blockedURL": "https://cdn.example.net/a.js?q", "destination": "script"}
HASH = {"subresourceURL": "https://cdn.example.net/a.js?q", "type": "subresource", "destination": "script"}
PERMISSION = {"policyId": "geolocation", "disposition": "enforce"}
COEP = {"blockedURL": "https://img.example.net/a.png?q", "disposition": "reporting"}
COOP = {"disposition": "enforce", "effectivePolicy": "same-origin"}
OPENER = {"openerURL": "https://opener.example/", "property": "postMessage"}
DEPRECATION = {"id": "UnloadHandler", "message": "Going."}

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "integrity-violation",
        INTEGRITY | {"documentURL": PAGE, "reportOnly": False},
        {
            "kind": "integrity",
            "disposition": "enforce",
            "directive": "script",
            "blocked": "https://cdn.example.net/a.js",
            "blocked_host": "cdn.example.net",
            "document": PAGE,
            "title": "Script from cdn.example.net without integrity metadata",
            "details": {},
        },
    ),
    ("integrity-violation", INTEGRITY | {"reportOnly": True}, {"disposition": "report"}),
    (
        "integrity-violation",
        INTEGRITY | {"reportOnly": 1},
        {"disposition": "", "details": {"nulled": "report_only"}},
    ),
    (
        "integrity-violation",
        INTEGRITY | {"destination": "style"},
        {"title": "Style sheet from cdn.example.net without integrity metadata", "disposition": ""},
    ),
    (
        "integrity-violation",
        {"blocked_url": "data", "destination": "json"},
        {"title": "Json from data: without integrity metadata"},
    ),
    ("integrity-violation", {}, {"title": "File from an unknown place without integrity metadata"}),
    (
        "csp-hash",
        HASH | {"hash": "sha256-AAA="},
        {
            "kind": "csp-hash",
            "directive": "script",
            "blocked": "https://cdn.example.net/a.js",
            "title": "Hash of script from cdn.example.net",
            "details": {"type": "subresource", "hash": "sha256-AAA="},
        },
    ),
    (
        "csp-hash",
        HASH | {"hash": ""},
        {"title": "No hash of script from cdn.example.net: loaded without CORS"},
    ),
    (
        "csp-hash",
        {"subresource_url": "cdn.example.net", "hash": "x"},
        {"blocked": "cdn.example.net", "title": "Hash of file from cdn.example.net"},
    ),
    (
        "permissions-policy-violation",
        PERMISSION | SCRIPT | {"message": "m"},
        {
            "kind": "permissions-policy",
            "disposition": "enforce",
            "directive": "geolocation",
            "title": "Use of geolocation without permission",
            "details": {"message": "m"},
            **AT_SCRIPT,
        },
    ),
    (
        "feature-policy-violation",
        {"feature_id": "Sync-XHR", "source_file": "chrome-extension:1:2"},
        {
            "directive": "sync-xhr",
            "source_file": "chrome-extension",
            "details": {"type": "feature-policy-violation"},
        },
    ),
    (
        "potential-permissions-policy-violation",
        PERMISSION | {"allowAttribute": "geolocation", "srcAttribute": "https://widget.example/f?t=1"},
        {
            "kind": "permissions-policy",
            "blocked": "https://widget.example/f",
            "title": "Frame from widget.example may not be allowed geolocation: its page has no permission",
            "details": {
                "type": "potential-permissions-policy-violation",
                "allow_attribute": "geolocation",
            },
        },
    ),
    (
        "potential-permissions-policy-violation",
        {},
        {"title": "Frame may not be allowed a feature: its page has no permission"},
    ),
    ("permissions-policy-violation", {"policyId": "<b>"}, {"directive": "other"}),
    (
        "document-policy-violation",
        SCRIPT | {"policyId": "document-write", "disposition": "report", "message": "m"},
        {
            "kind": "document-policy",
            "disposition": "report",
            "directive": "document-write",
            "title": "Document policy violated by document-write",
            "details": {"message": "m"},
            **AT_SCRIPT,
        },
    ),
    ("document-policy-violation", {"featureId": "unsized-media"}, {"directive": "unsized-media"}),
    ("document-policy-violation", {}, {"title": "Document policy violated by the page"}),
    (
        "coep",
        COEP | {"type": "corp", "destination": "image"},
        {
            "kind": "coep",
            "disposition": "report",
            "directive": "corp",
            "blocked": "https://img.example.net/a.png",
            "title": "Blocked image from img.example.net, which allows no embedding across origins",
            "details": {"destination": "image"},
        },
    ),
    (
        "coep",
        COEP | {"type": "corp", "destination": ""},
        {"title": "Blocked resource from img.example.net, which allows no embedding across origins"},
    ),
    (
        "coep",
        COEP | {"type": "navigation"},
        {"title": "Blocked frame from img.example.net, which has no embedder policy itself"},
    ),
    (
        "coep",
        COEP | {"type": "worker initialization"},
        {
            "directive": "worker initialization",
            "title": "Blocked worker from img.example.net, which has no embedder policy itself",
        },
    ),
    (
        "coep",
        COEP | {"type": "future"},
        {"title": "Blocked resource from img.example.net by the cross-origin embedder policy"},
    ),
    (
        "coop",
        COOP
        | {"type": "navigation-to-response", "previousResponseURL": "https://a.example/?q", "referrer": PAGE},
        {
            "kind": "coop",
            "disposition": "enforce",
            "directive": "navigation-to-response",
            "blocked": "https://a.example/",
            "referrer_host": "www.example.com",
            "title": "Opener severed by navigation from another page (a.example)",
            "details": {"effective_policy": "same-origin"},
        },
    ),
    (
        "coop",
        COOP | {"type": "navigation-from-response", "nextResponseURL": ""},
        {"blocked": "", "title": "Opener severed by navigation to another page"},
    ),
    (
        "coop",
        {
            "violation": "navigate-from-document",
            "navigation-uri": "https://a.example/",
            "lineno": 3,
            "colno": 4,
        },
        {
            "directive": "navigate-from-document",
            "title": "Opener severed by navigation to another page (a.example)",
            "line": 3,
            "column": 4,
        },
    ),
    (
        "coop",
        COOP | OPENER | SCRIPT | {"type": "access-from-coop-page-to-opener"},
        {
            "title": "Access from the page to its opener (opener.example): postMessage",
            "details": {"effective_policy": "same-origin", "property": "postMessage"},
            **AT_SCRIPT,
        },
    ),
    (
        "coop",
        COOP | {"type": "access-from-coop-page-to-openee", "initialPopupURL": "https://pop.example/?q"},
        {
            "title": "Access from the page to a window it opened",
            "details": {"effective_policy": "same-origin", "initial_popup": "https://pop.example/"},
        },
    ),
    (
        "coop",
        COOP | {"type": "access-from-coop-page-to-other", "otherDocumentURL": "https://o.example/"},
        {"title": "Access from the page to another window (o.example)"},
    ),
    (
        "coop",
        COOP | {"type": "access-to-coop-page-from-opener", "property": "location"},
        {"title": "Access to the page from its opener: location"},
    ),
    (
        "coop",
        COOP | {"type": "access-to-coop-page-from-openee"},
        {"title": "Access to the page from a window it opened"},
    ),
    (
        "coop",
        COOP | {"type": "access-to-coop-page-from-other"},
        {"title": "Access to the page from another window"},
    ),
    ("coop", COOP | {"type": "future"}, {"title": "Opener policy violated"}),
    (
        "deprecation",
        DEPRECATION | SCRIPT | {"anticipatedRemoval": 1759276800000.0},
        {
            "kind": "deprecation",
            "disposition": "",
            "directive": "UnloadHandler",
            "title": "Deprecated: UnloadHandler, to be removed on 2025-10-01",
            "details": {"message": "Going.", "anticipated_removal": "2025-10-01"},
            **AT_SCRIPT,
        },
    ),
    ("deprecation", DEPRECATION, {"title": "Deprecated: UnloadHandler"}),
    ("deprecation", {"message": "Going."}, {"title": "Deprecated: Going."}),
    ("deprecation", {}, {"title": "Deprecated: a feature"}),
    (
        "intervention",
        SCRIPT | {"id": "NavigatorVibrate", "message": "Blocked."},
        {
            "kind": "intervention",
            "directive": "NavigatorVibrate",
            "title": "Browser intervened: NavigatorVibrate",
            "details": {"message": "Blocked."},
            **AT_SCRIPT,
        },
    ),
    ("intervention", {"id": None, "message": "Blocked."}, {"title": "Browser intervened: Blocked."}),
    ("intervention", {"id": None, "message": ""}, {"title": "Browser intervened: it gave no reason"}),
    ("crash", {}, {"kind": "crash", "directive": "", "title": "Page crashed", "details": {}}),
    (
        "crash",
        {
            "reason": "oom",
            "is_top_level": True,
            "visibility_state": "visible",
            "crash_report_api": {"user": "x"},
        },
        {
            "directive": "oom",
            "title": "Page crashed: out of memory",
            "details": {"top_level": "true", "visibility_state": "visible"},
        },
    ),
    (
        "crash",
        {"reason": "unresponsive", "isTopLevel": False, "page_visibility": "hidden"},
        {
            "title": "Page was unresponsive and closed in a frame",
            "details": {"top_level": "false", "visibility_state": "hidden"},
        },
    ),
    ("crash", {"reason": "renderer-killed"}, {"title": "Page crashed: renderer-killed"}),
    (
        "connection-allowlist",
        {
            "connection": "https://a.example/x?q",
            "allowlist": ["https://b.example", 5],
            "disposition": "report",
        },
        {
            "kind": "unknown",
            "disposition": "report",
            "directive": "connection-allowlist",
            "blocked": "https://a.example/x",
            "title": "Blocked connection to a.example, which is not on the page's list",
            "details": {"allowlist": "https://b.example"},
        },
    ),
    (
        "connection-allowlist",
        {"connection": "webrtc", "allowlist": []},
        {"blocked": "webrtc", "title": "Blocked connection by WebRTC, which is not on the page's list"},
    ),
]


@pytest.mark.parametrize(("name", "body", "expected"), CASES)
def test_columns(name: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    row = payloads.row([{"age": 1, "type": name, "url": PAGE, "body": body}])
    assert {column: row[column] for column in expected} == expected


@pytest.mark.parametrize("spelling", ["documentURL", "document_url", "document-uri", "documentUri"])
@pytest.mark.parametrize("name", ["integrity-violation", "csp-hash", "coop", "network-error"])
def test_the_body_names_the_page_where_the_envelope_does_not(name: str, spelling: str) -> None:
    assert payloads.row([{"type": name, "body": {spelling: PAGE}}])["document"] == PAGE


REMOVALS = [
    (1759276800000, "2025-10-01"),
    ("2027-03-09T00:00:00.000Z", "2027-03-09"),
    ("2020-01-01", "2020-01-01"),
    (" 2020-01-01 ", "2020-01-01"),
    (0, "1970-01-01"),
    (None, ""),
    ("soon", None),
    ("2020-13-45", None),
    (1e300, None),
    (-1e18, None),
    (2**80, None),
    (True, None),
    ([], None),
]


@pytest.mark.parametrize(("sent", "removal"), REMOVALS)
def test_the_day_of_removal(sent: object, removal: str | None) -> None:
    details = payloads.row([{"type": "deprecation", "body": {"anticipatedRemoval": sent}}])["details"]
    assert details.get("anticipated_removal", "") == (removal or "")
    assert ("nulled" in details) == (removal is None)


STACKS = [
    (
        "Error\n    at f (https://www.example.com/a.js?t=1:3:14)\n    at g (https://b.example/b.js:1:1)",
        ("https://www.example.com/a.js", 3, 14),
    ),
    (
        "f@https://www.example.com/a.js:3:14\ng@https://b.example/b.js:1:1",
        ("https://www.example.com/a.js", 3, 14),
    ),
    ("    at https://www.example.com:8443/a.js:3:14", ("https://www.example.com:8443/a.js", 3, 14)),
    ("https://www.example.com/a.js:99999999999:1", ("", 0, 0)),
    (
        "at f (chrome-extension://abcdefgh/x.js:1:2)\nat g (https://www.example.com/a.js:3:4)",
        ("chrome-extension", 1, 2),
    ),
    ("https://www.example.com/a.js:999999999:3", ("https://www.example.com/a.js", 999_999_999, 3)),
    ("Unable to collect JS call stack.", ("", 0, 0)),
    ("x" * 100_000, ("", 0, 0)),
]


@pytest.mark.parametrize(("stack", "place"), STACKS, ids=range(len(STACKS)))
def test_of_a_stack_only_its_top_is_kept(stack: str, place: tuple[str, int, int]) -> None:
    row = payloads.row([{"type": "crash", "body": {"stack": stack}}])
    assert (row["source_file"], row["line"], row["column"]) == place
    assert row["details"] == {}


def test_a_place_of_its_own_goes_before_the_stack() -> None:
    body = SCRIPT | {"stack": "at https://b.example/b.js:1:1"}
    row = payloads.row([{"type": "crash", "body": body}])
    assert {column: row[column] for column in AT_SCRIPT} == AT_SCRIPT
