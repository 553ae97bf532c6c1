"""What a policy allows, by the tables of CSP3, and when a report is said to contradict it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.scenarios import forged
from tests.helpers import paths, payloads
from workers import impossible
from workers.impossible import matching
from workers.model import report
from workers.stages import evaluate
from workers.text import urls

Contradiction = impossible.Contradiction
NONE, ALLOWED, IMPOSSIBLE = Contradiction.NONE, Contradiction.ALLOWED, Contradiction.IMPOSSIBLE
PAGE = "https://www.example.com/account"


def compared(
    policy: str, blocked: str, directive: str = "img-src", page: str = PAGE, *, verbatim: bool = True
) -> Contradiction:
    return impossible.compare(policy, directive, urls.clean(blocked), urls.clean(page), verbatim=verbatim)


MATCHING = [
    # scheme-part matching (§6.7.2.9)
    ("img-src http:", "http://a.example/x"),
    ("img-src http:", "https://a.example/x"),
    ("img-src https:", "https://a.example/x"),
    ("img-src http://example.com", "https://example.com/x"),
    ("img-src https:", "https"),
    # * is every HTTP(S) URL (§6.7.2.8)
    ("img-src *", "http://a.example/x"),
    ("img-src *", "https://192.0.2.1/x"),
    ("connect-src *", "wss://a.example/x"),
    # host-part matching (§6.7.2.10)
    ("img-src www.example.com", "https://www.example.com/x"),
    ("img-src WWW.Example.COM", "https://www.example.com/x"),
    ("img-src https://*", "https://a.example/x"),
    ("img-src *.example.com", "https://www.example.com/x"),
    ("img-src *.example.com", "https://a.b.example.com/x"),
    ("img-src *.example.com", "https://a_b.example.com/x"),
    ("img-src https://*.example.com:*/", "https://a.example.com:8443/x"),
    ("img-src xn--bcher-kva.example", "https://bücher.example/x"),
    # port-part matching (§6.7.2.11), and the upgrade of ports (§1.3)
    ("img-src http://example.com:80", "http://example.com/x"),
    ("img-src http://example.com:80", "https://example.com:443/x"),
    ("img-src http://example.com:*", "https://example.com:8443/x"),
    ("img-src https://example.com:443", "https://example.com/x"),
    ("img-src example.com:8443", "https://example.com:8443/x"),
    ("img-src http://example.com:8443", "http://example.com:8443/x"),
    ("img-src example.com:*", "https://example.com:8443/x"),
    ("connect-src ws://example.com:80", "wss://example.com/x"),
    # path-part matching (§6.7.2.12)
    ("img-src example.com/", "https://example.com"),
    ("img-src example.com/subdirectory/", "https://example.com/subdirectory/file"),
    ("img-src example.com/subdirectory/", "https://example.com/subdirectory/"),
    ("img-src example.com/a/b.png", "https://example.com/a/b.png?query#fragment"),
    ("img-src example.com/a.png", "https://example.com/%61.png"),
    ("img-src example.com/a/", "https://example.com/%61/b%2Fc"),
    ("img-src example.com/b/ example.com/a/", "https://example.com/a/x"),
    # 'self', and its upgrade (§6.7.2.8)
    ("img-src 'self'", "https://www.example.com/x"),
    ("img-src 'SELF'", "https://www.example.com/x"),
    # 'none' beside others has no effect (§6.7.2.7)
    ("img-src 'none' https://example.com", "https://example.com/"),
    # the directive that governs (§6.8.3); of two of one name the first
    ("default-src 'none'; img-src *", "https://a.example/x"),
    ("default-src https:", "https://a.example/x"),
    ("img-src https:; img-src 'none'", "https://a.example/x"),
    ("IMG-SRC https:", "https://a.example/x"),
    ("\timg-src\n https:\f\r", "https://a.example/x"),
    (f"img-src {'a.example ' * 400}", "https://a.example/x"),
    # what widens a list may be there
    ("img-src 'nonce-abc=' https:", "https://a.example/x"),
    ("img-src 'strict-dynamic' https:", "https://a.example/x"),
]
NOT_MATCHING = [
    ("img-src https:", "http://a.example/x"),
    ("img-src https://example.com", "http://example.com/x"),
    ("img-src data:", "blob"),
    ("img-src *", "data"),
    ("img-src *", "blob"),
    ("img-src *", "chrome-extension"),
    ("img-src *", "ftp://a.example/x"),
    ("img-src", "https://a.example/x"),
    ("img-src 'none'", "https://a.example/x"),
    ("default-src *; img-src 'none'", "https://a.example/x"),
    ("default-src 'none'", "https://a.example/x"),
    ("connect-src https:", "wss://a.example/x"),
    ("connect-src http://example.com", "wss://example.com/x"),
    ("connect-src example.com", "wss://example.com/x"),
    ("connect-src 'self'", "wss://www.example.com/x"),
    ("img-src example.com", "https://www.example.com/x"),
    ("img-src www.example.com", "https://example.com/x"),
    ("img-src *.example.com", "https://example.com/x"),
    ("img-src *.example.com", "https://notexample.com/x"),
    ("img-src *.example.com", "https://example.com.evil.example/x"),
    ("img-src example.com", "https://example.com./x"),
    ("img-src example.com.", "https://example.com./x"),
    ("img-src 192.0.2.1", "https://192.0.2.1/x"),
    ("img-src https://*", "https://[2001:db8::1]/x"),
    ("img-src https://*", "https"),
    ("img-src [2001:db8::1]", "https://[2001:db8::1]/x"),
    ("img-src example.com", "https://example.com:8443/x"),
    ("img-src example.com:8443", "https://example.com/x"),
    ("img-src example.com:80", "https://example.com/x"),
    ("img-src http://example.com:80", "https://example.com:8443/x"),
    ("img-src https://example.com:443", "http://example.com/x"),
    ("img-src example.com/subdirectory/", "https://example.com/subdirectory"),
    ("img-src example.com/subdirectory", "https://example.com/subdirectory/file"),
    ("img-src example.com/a.png", "https://example.com/A.png"),
    ("img-src example.com/a/", "https://example.com/a%2Fb"),
    ("img-src example.com/b/ example.com/a/", "https://example.com/c/x"),
    ("img-src example.com/x?query", "https://example.com/x"),
    ("img-src 'self'", "http://www.example.com/x"),
    ("img-src 'self'", "https://www.example.com:8443/x"),
    ("img-src 'self'", "https://example.com/x"),
    ("img-src 'self'", "self"),
    ("img-src 'self'", ""),
    ("img-src javascript:", "javascript"),
]
"""Not allowed by the specification, or not by every browser."""
OPEN = [
    # http stands for https only where the port goes with it
    ("img-src http://example.com:8443", "https://example.com:8443/x"),
    ("img-src http://example.com:443", "https://example.com/x"),
    ("img-src http://example.com:80", "https://example.com:80/x"),
    ("img-src http://*:8443", "https://example.com:8443/x"),
    # some browsers know no host with an underscore
    ("img-src a_b.example.com", "https://a_b.example.com/x"),
    ("img-src *._b.example.com", "https://a._b.example.com/x"),
    # Chromium compares schemes as they are written
    ("img-src HTTPS:", "https://a.example/x"),
    ("img-src HTTPS://a.example", "https://a.example/x"),
    # what is encoded is decoded at different times
    ("img-src example.com/%61.png", "https://example.com/a.png"),
    ("img-src example.com/%61.png", "https://example.com/%61.png"),
    ("img-src example.com/a%2Fb/", "https://example.com/a/b/x"),
    ("img-src example.com/caf%C3%A9/", "https://example.com/caf%C3%A9/x"),
    # a sandboxed document has an origin of its own
    ("sandbox allow-scripts; img-src 'self'", "https://www.example.com/x"),
    # a directive with such characters is ignored, or the character is
    ("img-src * é", "https://a.example/x"),
    ("img-src *; style-src é", "https://a.example/x"),
    ("img-src\x0b*", "https://a.example/x"),
    ("img-src *\x7f", "https://a.example/x"),
    ("img-src\xa0*", "https://a.example/x"),
    ("img-src\u2003*", "https://a.example/x"),
    # a comma parts policies, or is one of a source
    ("img-src https:, default-src *", "https://a.example/x"),
    ("img-src https:,", "https://a.example/x"),
    # a keyword that nobody here knows may change everything
    ("img-src 'brand-new' *", "https://a.example/x"),
    ("img-src 'self *", "https://a.example/x"),
    # no policy, or only a part of one
    ("", "https://a.example/x"),
    ("no policy at all", "https://a.example/x"),
    ("allow 'self'; script-src *", "https://a.example/x"),
    ("allow *; script-src *", "inline"),
    (f"img-src {'a.example ' * 401}", "https://a.example/x"),
    (f"report-uri /r{'r' * 12_000}; img-src *", "https://a.example/x"),
]
FINAL = [
    # nothing redirects to or from these
    ("img-src data:", "data:image/png;base64,AAAA", "img-src"),
    ("img-src data:", "data", "img-src"),
    ("img-src blob:", "blob:https://www.example.com/1-2", "img-src"),
    ("img-src chrome-extension:", "chrome-extension://abc/x.png", "img-src"),
    ("base-uri https://a.example", "https://a.example/x", "base-uri"),
    # no directive governs it, nor anything that it may have redirected to
    ("script-src 'none'; report-uri /r", "https://a.example/x", "img-src"),
    ("script-src 'none'", "inline", "style-src-attr"),
    ("img-src 'none'; script-src 'none'", "https://a.example/x", "style-src"),
    ("script-src 'none'", "data", "img-src"),
    ("script-src 'none'", "", "img-src"),
    ("default-src 'none'", "https://a.example/x", "base-uri"),
    ("default-src 'none'", "https://a.example/x", "form-action"),
]


def directive_of(text: str) -> str:
    return "connect-src" if "connect-src" in text else "img-src"


@pytest.mark.parametrize(("text", "blocked"), MATCHING)
def test_a_url_that_the_policy_allows_may_have_led_elsewhere(text: str, blocked: str) -> None:
    assert compared(text, blocked, directive_of(text)) is ALLOWED


@pytest.mark.parametrize(("text", "blocked"), [*NOT_MATCHING, *OPEN])
def test_what_the_policy_does_not_plainly_allow_may_have_been_blocked(text: str, blocked: str) -> None:
    assert compared(text, blocked, directive_of(text)) is NONE


@pytest.mark.parametrize(("text", "blocked", "directive"), FINAL)
def test_what_no_redirect_explains_is_impossible(text: str, blocked: str, directive: str) -> None:
    assert compared(text, blocked, directive) is IMPOSSIBLE


@pytest.mark.parametrize(
    ("page", "blocked", "allowed"),
    [
        ("http://www.example.com/", "https://www.example.com/x", True),
        ("http://www.example.com/", "http://www.example.com/x", True),
        ("http://www.example.com:80/", "https://www.example.com:443/x", True),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/x", True),
        ("http://www.example.com/", "ws://www.example.com/x", False),
        ("http://www.example.com/", "wss://www.example.com/x", False),
        ("https://www.example.com/", "ws://www.example.com/x", False),
        ("http://www.example.com:8080/", "https://www.example.com/x", False),
        ("http://www.example.com:8080/", "https://www.example.com:8080/x", False),
        ("http://www.example.com/", "https://www.example.com:80/x", False),
        ("about:blank", "https://www.example.com/x", False),
        ("data:text/html,x", "data", False),
        ("blob:https://www.example.com/1", "blob", False),
        ("", "https://www.example.com/x", False),
    ],
)
def test_the_page_is_self(page: str, blocked: str, *, allowed: bool) -> None:
    assert (compared("connect-src 'self'", blocked, "connect-src", page) is ALLOWED) is allowed


@pytest.mark.parametrize("directive", ["frame-src", "form-action"])
def test_self_is_the_same_in_frames_and_forms(directive: str) -> None:
    page = "http://a.example:8081/"
    assert compared(f"{directive} 'self'", "https://a.example:8081/x", directive, page) is NONE
    assert compared(f"{directive} 'self'", "http://a.example:8081/x", directive, page) is ALLOWED


def test_self_of_a_base_may_be_that_of_a_sandbox() -> None:
    assert compared("base-uri 'self'", f"{PAGE}/x", "base-uri") is NONE


def test_a_source_without_a_scheme_takes_that_of_the_page() -> None:
    http = "http://a.example/"
    assert compared("img-src example.com", "http://example.com/x", page=http) is ALLOWED
    assert compared("img-src example.com", "https://example.com/x", page=http) is ALLOWED
    assert compared("img-src example.com:80", "https://example.com/x", page=http) is ALLOWED
    assert compared("img-src example.com:8443", "https://example.com:8443/x", page=http) is NONE
    assert compared("img-src example.com", "http://example.com/x") is NONE
    assert compared("img-src example.com", "https://example.com/x", page="about:blank") is NONE


@pytest.mark.parametrize("page", ["about:blank", "data:text/html,x", "blob:https://www.example.com/1"])
def test_any_source_is_no_scheme_of_a_document_that_inherited_its_policy(page: str) -> None:
    scheme = page.partition(":")[0]
    assert compared("img-src *", scheme, page=page) is NONE
    assert compared(f"img-src {scheme}:", scheme, page=page) is IMPOSSIBLE


INLINE = [
    ("script-src 'unsafe-inline' http://a.com http://b.com", "script-src-elem", True),
    ("script-src 'unsafe-inline'", "script-src-attr", True),
    ("script-src 'Unsafe-Inline' 'report-sample' 'unsafe-hashes'", "script-src-attr", True),
    ("script-src 'sha512-321cba' 'nonce-abc'", "script-src-elem", False),
    ("script-src http://example.com 'unsafe-inline' 'nonce-abc'", "script-src-elem", False),
    ("script-src 'unsafe-inline' 'NONCE-abc'", "script-src-elem", False),
    ("script-src 'unsafe-inline' 'sha256-abc='", "script-src-elem", False),
    ("script-src 'unsafe-inline' 'sha-256-abc='", "script-src-elem", False),
    ("script-src 'unsafe-inline' 'ed25519-abc='", "script-src-elem", False),
    ("script-src 'unsafe-inline' 'strict-dynamic'", "script-src-elem", False),
    ("style-src 'unsafe-inline' 'strict-dynamic'", "style-src-elem", False),
    ("default-src 'unsafe-inline' 'strict-dynamic'", "style-src-attr", False),
    ("style-src 'unsafe-inline' 'nonce-abc'", "style-src-elem", False),
    ("script-src 'self'", "script-src-elem", False),
    ("script-src unsafe-inline", "script-src-elem", False),
    ("script-src 'unsafe-hashes'", "script-src-attr", False),
    ("default-src 'unsafe-inline'", "style-src", True),
    ("default-src 'unsafe-inline'", "default-src", True),
    ("default-src 'unsafe-inline'; script-src-elem 'self'", "script-src-elem", False),
    ("img-src 'unsafe-inline'", "img-src", False),
    ("img-src 'self'", "script-src-elem", True),
]


@pytest.mark.parametrize(("text", "directive", "allowed"), INLINE)
def test_inline_code(text: str, directive: str, *, allowed: bool) -> None:
    assert compared(text, "inline", directive) is (IMPOSSIBLE if allowed else NONE)


EVAL = [
    ("script-src 'unsafe-eval'", "eval", "script-src", True),
    ("script-src 'unsafe-eval' 'nonce-abc' 'strict-dynamic'", "eval", "script-src", True),
    ("default-src 'unsafe-eval'", "eval", "script-src", True),
    ("script-src 'self'; default-src 'unsafe-eval'", "eval", "script-src", False),
    ("script-src-elem 'unsafe-eval'; script-src 'self'", "eval", "script-src-elem", False),
    ("script-src-elem 'self'", "eval", "script-src-elem", True),
    ("script-src 'wasm-unsafe-eval'", "eval", "script-src", False),
    ("script-src 'trusted-types-eval'", "eval", "script-src", False),
    ("script-src 'unsafe-eval' 'eval-sha256-abc='", "eval", "script-src", False),
    ("script-src 'unsafe-eval'", "wasm-eval", "script-src", True),
    ("script-src 'wasm-unsafe-eval'", "wasm-eval", "script-src", False),
    ("script-src 'self'", "wasm-eval", "script-src", False),
    ("img-src 'self'", "eval", "script-src", True),
    ("allow 'self'; img-src 'self'", "eval", "script-src", False),
    ("style-src 'unsafe-eval'", "eval", "style-src", False),
]


@pytest.mark.parametrize(("text", "blocked", "directive", "allowed"), EVAL)
def test_eval(text: str, blocked: str, directive: str, *, allowed: bool) -> None:
    assert compared(text, blocked, directive) is (IMPOSSIBLE if allowed else NONE)


CHAINS = [
    ("worker-src https:; child-src 'none'", "worker-src", True),
    ("child-src https:; script-src 'none'", "worker-src", True),
    ("script-src https:; default-src https:", "worker-src", True),
    ("script-src https:", "worker-src", True),
    ("script-src https:; default-src 'none'", "worker-src", False),
    ("script-src 'none'; default-src https:", "worker-src", False),
    ("child-src https:; default-src 'none'", "frame-src", True),
    ("child-src https:; frame-src 'none'", "child-src", False),
    ("child-src https:; worker-src 'none'", "child-src", False),
    ("child-src https:; worker-src https:; frame-src https:", "child-src", True),
    ("script-src https:; script-src-elem 'none'", "script-src", False),
    ("style-src https:; style-src-attr 'none'", "style-src", False),
    ("frame-src https:; child-src 'none'", "fenced-frame-src", True),
    ("script-src-elem https:; script-src 'none'", "script-src-elem", True),
    ("script-src-elem https:; script-src 'none'", "script-src", False),
    ("style-src https:; default-src 'none'", "style-src-elem", True),
    ("form-action https:", "form-action", True),
    ("base-uri 'none'; default-src *", "base-uri", False),
    ("script-src https: 'strict-dynamic'", "script-src-elem", False),
    ("script-src https: 'strict-dynamic'", "worker-src", False),
    ("script-src https: 'url-sha256-abc='", "script-src-elem", False),
    ("default-src https: 'strict-dynamic'", "default-src", False),
    ("frame-ancestors *", "frame-ancestors", False),
    ("prefetch-src *", "prefetch-src", False),
    ("trusted-types *", "trusted-types", False),
    ("default-src *", "other", False),
]


@pytest.mark.parametrize(("text", "directive", "allowed"), CHAINS)
def test_the_directive_that_governs(text: str, directive: str, *, allowed: bool) -> None:
    assert compared(text, "https://a.example/x", directive) is (ALLOWED if allowed else NONE)


DECODED = [
    # one expression that Firefox reports as two
    ("img-src http://a.example/x *", "img-src", "https://evil.example/"),
    ("img-src http://a.example/ *", "img-src", "https://evil.example/"),
    ("img-src http://a.example/x", "img-src", "http://a.example/x"),
    ("script-src http://a.example/ 'unsafe-inline'", "script-src-elem", "inline"),
    ("script-src http://a.example/x 'unsafe-eval'", "script-src", "eval"),
    ("script-src http://a.example/x; img-src *", "img-src", "https://evil.example/"),
    ("script-src http://a.example/x; img-src data:", "img-src", "data"),
]


@pytest.mark.parametrize(("text", "directive", "blocked"), DECODED)
def test_after_a_path_a_policy_may_be_another_than_was_sent(text: str, directive: str, blocked: str) -> None:
    page = "http://a.example/"
    assert compared(text, blocked, directive, page) is not NONE
    assert compared(text, blocked, directive, page, verbatim=False) is NONE


def test_before_a_path_a_policy_is_what_was_sent() -> None:
    text = (
        "default-src 'self'; img-src * http://a.example/x; report-uri http://a.example/r; script-src 'none'"
    )
    assert compared(text, "https://b.example/x", verbatim=False) is ALLOWED
    assert compared(text, "https://b.example/x", "style-src", verbatim=False) is NONE
    assert compared(text, "https://b.example/x", "form-action", verbatim=False) is IMPOSSIBLE
    assert compared("report-uri http://a.example/r; img-src data:", "data", verbatim=False) is IMPOSSIBLE


@pytest.mark.parametrize(
    ("user_agent", "verbatim"),
    [
        (payloads.CHROME, True),
        (payloads.SAFARI, True),
        (payloads.FIREFOX, False),
        ("curl/8", False),
        ("", False),
    ],
)
def test_browsers_report_policies_as_they_were_sent_or_not(user_agent: str, *, verbatim: bool) -> None:
    assert impossible.reports_verbatim(user_agent) is verbatim


def test_the_browser_of_the_report_comes_before_that_of_the_request() -> None:
    text = "img-src http://a.example/x *"
    body = json.dumps([payloads.modern(originalPolicy=text)]).encode()
    strange = json.dumps([payloads.modern(originalPolicy=text, user_agent=payloads.FIREFOX)]).encode()
    unknown = json.dumps(payloads.legacy(original_policy=text)).encode()
    asked = [
        evaluate.EvaluationKey(body),
        evaluate.EvaluationKey(strange, verbatim=True),
        evaluate.EvaluationKey(unknown),
        evaluate.EvaluationKey(unknown, verbatim=True),
    ]
    found = [evaluated.findings[0][1].contradiction for evaluated in evaluate.evaluate_payloads(asked)]
    assert found == [ALLOWED, NONE, NONE, ALLOWED]


def test_a_path_is_compared_as_if_nothing_had_redirected() -> None:
    """The example of CSP3 §7.6: only after a redirect paths do not count; a report tells of the first URL."""
    text = "img-src example.com example.org/path"
    assert compared(text, "https://example.org/not-path") is NONE
    assert compared(text, "https://example.com/redirector") is ALLOWED
    assert compared(text, "https://example.org/path") is ALLOWED


def test_answers_are_remembered_but_not_for_ever() -> None:
    for _ in range(2):
        for number in range(300):
            assert compared("img-src *.example", f"https://h{number}.example/x") is ALLOWED
            assert compared("img-src *.example", f"https://h{number}.test/x") is NONE


def test_only_violations_of_a_content_security_policy_are_evaluated() -> None:
    found: Any = {"directive": "img-src", "policy_sent": "script-src *"}
    assert impossible.of_report(report.Report(kind="coep", **found)) is NONE
    assert impossible.of_report(report.Report(kind="csp", **found)) is IMPOSSIBLE
    assert impossible.of_report(report.Report(kind="csp", directive="img-src")) is NONE


ROWS = [
    ("img-src https://tracker.example", 0, 1),
    ("script-src 'self'", 1, 1),
    ("img-src 'self'", 0, 0),
    # A policy is compared as it was sent: cleaned and bounded, each of these would read otherwise.
    ("img-src\x0bhttps:", 0, 0),
    ("img-src\fhttps://tracker.example", 0, 1),
    ("default-src 'none'; img-s\x00rc https:", 0, 0),
    ("script-src 'nonce-abc'", 1, 1),
    ("img-src 'nonce-abc https://tracker.example; script-src 'self'", 0, 0),
    (f"script-src 'self'{' ' * 12_000}", 0, 0),
]


@pytest.mark.parametrize(("text", "certain", "allowed"), ROWS)
def test_it_is_evaluated_by_what_was_sent_and_stored(text: str, certain: int, allowed: int) -> None:
    row = payloads.row(payloads.legacy(original_policy=text))
    assert (row["impossible"], row["allowed"]) == (certain, allowed)


def test_rows_of_different_contradictions_are_different() -> None:
    """Rows of equal cleaned policies differ too: a cleaned text may stand for several that were sent."""
    texts = ("img-src\x0bhttps:", "img-src https:")
    reports = [payloads.legacy(original_policy=text) for text in texts]
    rows = payloads.rows(payloads.process(*map(payloads.payload, reports)).reports)
    assert [(row["allowed"], row["seen"]) for row in rows] == [(0, 1), (1, 1)]
    assert len({row["identity"] for row in rows}) == 2


def lines(name: str) -> list[dict[str, Any]]:
    path = paths.DATA / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


TRUE = lines("true_reports.jsonl")


@pytest.mark.parametrize("known", [True, False], ids=["the browser is known", "it is not"])
def test_no_true_report_is_impossible_and_without_a_redirect_none_is_allowed(*, known: bool) -> None:
    for sent in TRUE:
        verbatim = known and sent["browser"] == "chromium"
        key = evaluate.EvaluationKey(json.dumps(sent["report"]).encode(), verbatim=verbatim)
        (evaluated,) = evaluate.evaluate_payloads([key])
        assert not evaluated.invalid, sent
        for _, finding in evaluated.findings:
            expected = {NONE, ALLOWED} if sent["redirect_followed"] else {NONE}
            assert finding.contradiction in expected, sent


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_there_are_true_reports_of_each_kind(browser: str) -> None:
    of_browser = [sent for sent in TRUE if sent["browser"] == browser]
    assert {sent["redirect_followed"] for sent in of_browser} == {True, False}


def test_no_recorded_report_of_a_browser_contradicts_itself() -> None:
    for request in lines("browsers.jsonl"):
        evaluated = evaluate.evaluate_payload(request["body"].encode())
        assert {finding.contradiction for _, finding in evaluated.findings} <= {NONE}


def test_the_docs_say_how_many_forged_reports_are_found_out() -> None:
    found = forged.found_out()
    shares = (found[IMPOSSIBLE], found[IMPOSSIBLE] + found[ALLOWED])
    certain, either = (round(100 * share / found.total()) for share in shares)
    page = paths.DOCS / "query" / "impossible.md"
    text = " ".join(page.read_text("utf-8").split())
    assert f"{certain} % of these are called impossible, and {either} % impossible or allowed." in text


@given(
    st.text(max_size=60),
    st.sampled_from(["img-src", "script-src", "worker-src", "x"]),
    st.text(max_size=40),
    st.booleans(),
)
def test_no_text_raises(text: str, directive: str, blocked: str, verbatim: bool) -> None:  # noqa: FBT001
    for whole in (text, f"img-src {text}"):
        compared(whole, blocked, directive, page=blocked, verbatim=verbatim)


WORDS = st.sampled_from(
    [
        *(
            "*",
            "'self'",
            "https:",
            "http:",
            "data:",
            "a.example",
            "http://a.example/x",
            "https://b.example:*",
        ),
        *("'unsafe-inline'", "'unsafe-eval'", "'nonce-abc'", "'strict-dynamic'", "'none'", "'new'"),
    ]
)
LISTS = st.lists(WORDS, max_size=5).map(" ".join)
BLOCKED = st.sampled_from(
    ["https://a.example/x", "http://a.example/x", "data", "inline", "eval", "https://b.example:8443/"]
)
NAMES = st.sampled_from(["img-src", "script-src", "script-src-elem", "style-src", "default-src"])


@given(LISTS, LISTS, NAMES, BLOCKED, st.booleans())
def test_a_policy_that_may_be_decoded_allows_no_more_than_one_that_is_not(
    one: str,
    other: str,
    directive: str,
    blocked: str,
    verbatim: bool,  # noqa: FBT001
) -> None:
    text = f"default-src {one}; {directive} {other}"
    careful = compared(text, blocked, directive, verbatim=False)
    assert careful in {NONE, compared(text, blocked, directive)}
    stricter = compared(f"{directive} 'none'; {text}", blocked, directive, verbatim=verbatim)
    assert stricter is NONE or blocked == "eval"


PATHS = (
    st.lists(st.sampled_from(["", "a", "b", "%61", "%2F", "é"]), max_size=4).map("/".join).map("/{}".format)
)
PATTERNS = st.lists(st.sampled_from(["", "a", "b"]), max_size=4).map("/".join).map("/{}".format)


@given(PATTERNS, PATHS)
def test_paths_match_as_the_specification_says(pattern: str, asked: str) -> None:
    assert matching.path(pattern, asked) is _specified(pattern, asked)


def _specified(pattern: str, asked: str) -> bool:
    """The algorithm of §6.7.2.12, step by step."""
    exact = not pattern.endswith("/")
    one, other = pattern.split("/"), asked.split("/")
    if len(one) > len(other) or (exact and len(one) != len(other)):
        return False
    if not exact:
        one.pop()
    decoded = {"%61": "a", "%2F": "/"}
    return all(decoded.get(a, a) == decoded.get(b, b) for a, b in zip(one, other, strict=False))
