"""What a person reads first."""

from __future__ import annotations

import pytest

from workers import report, urls
from workers.families import csp_titles

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
    ("default-src", "self", "Blocked inline script or eval"),
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


@pytest.mark.parametrize(("directive", "blocked", "title"), CASES)
def test_title(directive: str, blocked: str, title: str) -> None:
    violation = report.Report(kind="csp", directive=directive, blocked=urls.clean(blocked))
    assert csp_titles.title(violation) == title
