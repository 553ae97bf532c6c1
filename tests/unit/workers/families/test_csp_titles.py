"""What a person reads first."""

from __future__ import annotations

from typing import Any

import pytest

from workers.families import csp_titles
from workers.model import report
from workers.text import urls

TRACKER = "https://tracker.example/p"

CASES = [
    ("script-src-elem", "inline", "Blocked inline script"),
    ("script-src", "inline", "Blocked inline script"),
    ("script-src-attr", "inline", "Blocked inline event handler"),
    ("style-src-elem", "inline", "Blocked inline style"),
    ("style-src-attr", "inline", "Blocked inline style attribute"),
    ("default-src", "inline", "Blocked inline script or style"),
    ("img-src", "inline", "Blocked inline code by img-src"),
    ("script-src", "eval", "Blocked eval"),
    ("script-src", "wasm-eval", "Blocked WebAssembly compilation"),
    ("trusted-types", "trusted-types-policy", "Blocked Trusted Types policy"),
    (
        "require-trusted-types-for",
        "trusted-types-sink",
        "Blocked untrusted value for a Trusted Types sink",
    ),
    ("script-src", "", "Blocked inline script or eval"),
    ("script-src-elem", "", "Blocked inline script"),
    ("default-src", "self", "Blocked inline script or eval"),
    ("inline", "self", "Blocked inline script"),
    ("eval", "self", "Blocked eval"),
    ("style-src", "", "Blocked inline style"),
    ("form-action", "", "Blocked form submission"),
    ("img-src", "", "Blocked image"),
    ("sandbox", "", "Blocked content by sandbox"),
    ("img-src", TRACKER, "Blocked image from tracker.example"),
    ("script-src-elem", TRACKER, "Blocked script from tracker.example"),
    ("style-src-elem", TRACKER, "Blocked style from tracker.example"),
    ("connect-src", "wss://live.example/x", "Blocked connection to live.example"),
    ("form-action", "https://pay.example/", "Blocked form submission to pay.example"),
    ("frame-ancestors", "https://www.example.com/", "Blocked embedding of www.example.com"),
    ("future-src", TRACKER, "Blocked tracker.example by future-src"),
    ("img-src", "data", "Blocked image from data:"),
    ("img-src", "cdn.example.com", "Blocked image from cdn.example.com"),
    ("script-src-elem", "chrome-extension", "Blocked script from chrome-extension:"),
]

PAGE = "https://www.example.com/account"
TOLD_BY_THE_REST = [
    (
        {"directive": "img-src", "blocked": f"{PAGE}/a.png"},
        "image from the page's own origin, www.example.com",
    ),
    ({"directive": "connect-src", "blocked": PAGE}, "connection to the page's own origin, www.example.com"),
    ({"directive": "img-src", "blocked": "http://www.example.com/"}, "image from www.example.com"),
    ({"directive": "img-src", "blocked": "https://www.example.com:8443/"}, "image from www.example.com"),
    ({"directive": "frame-ancestors", "blocked": PAGE}, "embedding of www.example.com"),
    (
        {"directive": "frame-ancestors", "blocked": PAGE, "referrer_host": "other.example"},
        "embedding of www.example.com in other.example",
    ),
    (
        {"directive": "script-src", "blocked": "self", "sample": "onclick attribute on DIV element"},
        "inline event handler",
    ),
    (
        {
            "directive": "default-src",
            "blocked": "self",
            "sample": "call to eval() or related function blocked",
        },
        "eval",
    ),
    (
        {
            "directive": "require-trusted-types-for",
            "blocked": "trusted-types-sink",
            "sample": "Element innerHTML|<b>",
        },
        "untrusted value for a Trusted Types sink: Element innerHTML",
    ),
    (
        {"directive": "script-src", "blocked": "", "details": {"nulled": "line,blocked"}},
        "script from an unknown place",
    ),
    (
        {"directive": "script-src", "blocked": "", "details": {"nulled": "line"}},
        "inline script or eval",
    ),
    (
        {"directive": "trusted-types", "blocked": "trusted-types-policy", "sample": "goog#html"},
        "Trusted Types policy: goog#html",
    ),
    (
        {"directive": "trusted-types", "blocked": "trusted-types-policy", "sample": "vendor 42|x\u202e"},
        "Trusted Types policy: vendor 42|x",
    ),
    (
        {"directive": "trusted-types", "blocked": "trusted-types-policy"},
        "Trusted Types policy",
    ),
    (
        {"directive": "require-trusted-types-for", "blocked": "", "sample": "eval|alert(1)"},
        "untrusted value for a Trusted Types sink: eval",
    ),
]


@pytest.mark.parametrize(("directive", "blocked", "title"), CASES)
def test_title(directive: str, blocked: str, title: str) -> None:
    violation = report.Report(kind="csp", directive=directive, blocked=urls.clean(blocked))
    assert csp_titles.title(violation) == title


@pytest.mark.parametrize(("members", "what"), TOLD_BY_THE_REST)
def test_title_by_the_rest_of_the_report(members: dict[str, Any], what: str) -> None:
    members = members | {"blocked": urls.clean(members["blocked"])}
    violation = report.Report(kind="csp", document=urls.clean(PAGE), **members)
    assert csp_titles.title(violation) == f"Blocked {what}"
