"""What a policy allows, by the tables of CSP3, and when a report is called impossible for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workers import payloads
from workers import impossible, report, urls
from workers.impossible import matching, policy

PAGE = "https://www.example.com/account"


def verdict(policy: str, blocked: str, directive: str = "img-src", page: str = PAGE) -> bool:
    return impossible.impossible(
        report.Report(
            kind="csp",
            directive=directive,
            policy=policy,
            blocked=urls.clean(blocked),
            document=urls.clean(page),
        )
    )


ALLOWED = [
    # scheme-part matching (§6.7.2.9)
    ("img-src http:", "http://a.example/x"),
    ("img-src http:", "https://a.example/x"),
    ("img-src https:", "https://a.example/x"),
    ("img-src HTTPS:", "https://a.example/x"),
    ("img-src http://example.com", "https://example.com/x"),
    ("img-src data:", "data:image/png;base64,AAAA"),
    ("img-src data:", "data"),
    ("img-src blob:", "blob:https://www.example.com/1-2"),
    ("img-src https:", "https"),
    ("img-src chrome-extension:", "chrome-extension://abc/x.png"),
    # * is every HTTP(S) URL, and those of the page's own scheme (§6.7.2.8)
    ("img-src *", "http://a.example/x"),
    ("img-src *", "https://192.0.2.1/x"),
    ("connect-src *", "wss://a.example/x"),
    # host-part matching (§6.7.2.10)
    ("img-src www.example.com", "https://www.example.com/x"),
    ("img-src WWW.Example.COM", "https://www.example.com/x"),
    ("img-src https://*", "https://a.example/x"),
    ("img-src *.example.com", "https://www.example.com/x"),
    ("img-src *.example.com", "https://a.b.example.com/x"),
    ("img-src https://*.example.com:*/", "https://a.example.com:8443/x"),
    # port-part matching (§6.7.2.11), and the upgrade of ports (§1.3)
    ("img-src http://example.com:80", "http://example.com/x"),
    ("img-src http://example.com:80", "https://example.com:443/x"),
    ("img-src https://example.com:443", "https://example.com/x"),
    ("img-src example.com:8443", "https://example.com:8443/x"),
    ("img-src example.com:*", "https://example.com:8443/x"),
    ("connect-src ws://example.com:80", "wss://example.com/x"),
    # path-part matching (§6.7.2.12)
    ("img-src example.com/", "https://example.com"),
    ("img-src example.com/subdirectory/", "https://example.com/subdirectory/file"),
    ("img-src example.com/subdirectory/", "https://example.com/subdirectory/"),
    ("img-src example.com/a/b.png", "https://example.com/a/b.png?query#fragment"),
    ("img-src example.com/caf%C3%A9/", "https://example.com/caf%c3%a9/x"),
    ("img-src example.com/%61.png", "https://example.com/a.png"),
    ("img-src example.com/b/ example.com/a/", "https://example.com/a/x"),
    # 'self', and its upgrades (§6.7.2.8)
    ("img-src 'self'", "https://www.example.com/x"),
    ("img-src 'SELF'", "https://www.example.com/x"),
    ("connect-src 'self'", "wss://www.example.com/x"),
    # 'none' beside others has no effect (§6.7.2.7)
    ("img-src 'none' https://example.com", "https://example.com/"),
    # the directive that governs (§6.8.3); of two of one name the first
    ("default-src 'none'; img-src *", "https://a.example/x"),
    ("default-src https:", "https://a.example/x"),
    ("script-src 'none'; report-uri /r", "https://a.example/x"),
    ("img-src https:; img-src 'none'", "https://a.example/x"),
    ("IMG-SRC https:", "https://a.example/x"),
    # several policies
    ("img-src https:, default-src *", "https://a.example/x"),
    ("img-src https:,", "https://a.example/x"),
    (f"img-src {'a.example ' * 400}", "https://a.example/x"),
    # what widens a list may be there
    ("img-src 'nonce-…' https:", "https://a.example/x"),
    ("img-src 'strict-dynamic' https:", "https://a.example/x"),
]
UNDECIDED = [
    ("img-src https:", "http://a.example/x"),
    ("img-src https://example.com", "http://example.com/x"),
    ("img-src data:", "blob"),
    ("img-src *", "data"),
    ("img-src *", "chrome-extension"),
    ("connect-src https:", "wss://a.example/x"),
    ("connect-src http://example.com", "wss://example.com/x"),
    ("connect-src example.com", "wss://example.com/x"),
    ("img-src example.com", "https://www.example.com/x"),
    ("img-src www.example.com", "https://example.com/x"),
    ("img-src *.example.com", "https://example.com/x"),
    ("img-src *.example.com", "https://notexample.com/x"),
    ("img-src *.example.com", "https://example.com.evil.example/x"),
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
    ("img-src example.com/a%2Fb/", "https://example.com/a/b/x"),
    ("img-src example.com/caf%C3%A9/", "https://example.com/caf%C3%A9"),
    ("img-src example.com/b/ example.com/a/", "https://example.com/c/x"),
    ("img-src example.com/x?query", "https://example.com/x"),
    ("img-src 'self'", "http://www.example.com/x"),
    ("img-src 'self'", "https://www.example.com:8443/x"),
    ("img-src 'self'", "https://example.com/x"),
    ("img-src 'self'", "self"),
    ("img-src 'self'", ""),
    ("sandbox allow-scripts; img-src 'self'", "https://www.example.com/x"),
    ("img-src", "https://a.example/x"),
    ("img-src 'none'", "https://a.example/x"),
    ("default-src *; img-src 'none'", "https://a.example/x"),
    ("default-src 'none'", "https://a.example/x"),
    ("img-src https:, img-src 'none'", "https://a.example/x"),
    ("img-src https:, data:", "https://a.example/x"),
    ("", "https://a.example/x"),
    ("no policy at all", "https://a.example/x"),
    (f"img-src {'a.example ' * 401}", "https://a.example/x"),
    (f"report-uri /r{'r' * 12_000}; img-src *", "https://a.example/x"),
]


@pytest.mark.parametrize(("text", "blocked"), ALLOWED)
def test_what_the_policy_allows_cannot_have_been_blocked(text: str, blocked: str) -> None:
    assert verdict(text, blocked, "connect-src" if "connect-src" in text else "img-src")


@pytest.mark.parametrize(("text", "blocked"), UNDECIDED)
def test_what_the_policy_does_not_plainly_allow_may_have_been(text: str, blocked: str) -> None:
    assert not verdict(text, blocked, "connect-src" if "connect-src" in text else "img-src")


@pytest.mark.parametrize(
    ("page", "blocked", "allowed"),
    [
        ("http://www.example.com/", "https://www.example.com/x", True),
        ("http://www.example.com/", "http://www.example.com/x", True),
        ("http://www.example.com/", "ws://www.example.com/x", True),
        ("http://www.example.com/", "wss://www.example.com/x", True),
        ("https://www.example.com/", "ws://www.example.com/x", False),
        ("http://www.example.com:8080/", "https://www.example.com/x", False),
        ("http://www.example.com:8080/", "https://www.example.com:8080/x", True),
        ("http://www.example.com:80/", "https://www.example.com:443/x", True),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/x", True),
        ("about:blank", "https://www.example.com/x", False),
        ("", "https://www.example.com/x", False),
    ],
)
def test_the_page_is_self(page: str, blocked: str, *, allowed: bool) -> None:
    assert verdict("connect-src 'self'", blocked, "connect-src", page) is allowed


def test_a_source_without_a_scheme_takes_that_of_the_page() -> None:
    assert verdict("img-src example.com", "http://example.com/x", page="http://a.example/")
    assert verdict("img-src example.com", "https://example.com/x", page="http://a.example/")
    assert verdict("img-src example.com:80", "https://example.com/x", page="http://a.example/")
    assert not verdict("img-src example.com", "http://example.com/x")
    assert not verdict("img-src example.com", "https://example.com/x", page="about:blank")


INLINE = [
    ("script-src 'unsafe-inline' http://a.com http://b.com", "script-src-elem", True),
    ("script-src 'unsafe-inline'", "script-src-attr", True),
    ("script-src 'sha512-321cba' 'nonce-abc'", "script-src-elem", False),
    ("script-src http://example.com 'unsafe-inline' 'nonce-abc'", "script-src-elem", False),
    ("script-src 'unsafe-inline' 'sha256-abc='", "script-src-elem", False),
    ("script-src 'unsafe-inline' 'strict-dynamic'", "script-src-elem", False),
    ("style-src 'unsafe-inline' 'strict-dynamic'", "style-src-elem", True),
    ("style-src http://example.com 'strict-dynamic' 'unsafe-inline'", "style-src-attr", True),
    ("style-src 'unsafe-inline' 'nonce-abc'", "style-src-elem", False),
    ("script-src 'self'", "script-src-elem", False),
    ("script-src 'unsafe-hashes'", "script-src-attr", False),
    ("default-src 'unsafe-inline'", "style-src", True),
    ("default-src 'unsafe-inline'", "default-src", True),
    ("default-src 'unsafe-inline'; script-src-elem 'self'", "script-src-elem", False),
    ("img-src 'unsafe-inline'", "img-src", False),
    ("img-src 'self'", "script-src-elem", True),
]


@pytest.mark.parametrize(("text", "directive", "allowed"), INLINE)
def test_inline_code(text: str, directive: str, *, allowed: bool) -> None:
    assert verdict(text, "inline", directive) is allowed


EVAL = [
    ("script-src 'unsafe-eval'", "eval", "script-src", True),
    ("script-src 'unsafe-eval' 'nonce-abc' 'strict-dynamic'", "eval", "script-src", True),
    ("default-src 'unsafe-eval'", "eval", "script-src", True),
    ("script-src 'self'; default-src 'unsafe-eval'", "eval", "script-src", False),
    ("script-src-elem 'unsafe-eval'; script-src 'self'", "eval", "script-src-elem", False),
    ("script-src 'wasm-unsafe-eval'", "eval", "script-src", False),
    ("script-src 'unsafe-eval' 'eval-sha256-abc='", "eval", "script-src", False),
    ("script-src 'wasm-unsafe-eval'", "wasm-eval", "script-src", True),
    ("script-src 'unsafe-eval'", "wasm-eval", "script-src", True),
    ("script-src 'self'", "wasm-eval", "script-src", False),
    ("img-src 'self'", "eval", "script-src", True),
    ("style-src 'unsafe-eval'", "eval", "style-src", False),
]


@pytest.mark.parametrize(("text", "blocked", "directive", "allowed"), EVAL)
def test_eval(text: str, blocked: str, directive: str, *, allowed: bool) -> None:
    assert verdict(text, blocked, directive) is allowed


CHAINS = [
    ("worker-src https:; child-src 'none'", "worker-src", True),
    ("child-src https:; script-src 'none'", "worker-src", True),
    ("script-src https:; default-src 'none'", "worker-src", True),
    ("script-src 'none'; default-src https:", "worker-src", False),
    ("child-src https:; default-src 'none'", "frame-src", True),
    ("frame-src https:; child-src 'none'", "fenced-frame-src", True),
    ("script-src-elem https:; script-src 'none'", "script-src-elem", True),
    ("script-src-elem https:; script-src 'none'", "script-src", False),
    ("style-src https:; default-src 'none'", "style-src-elem", True),
    ("form-action https:", "form-action", True),
    ("base-uri 'none'; default-src *", "base-uri", False),
    ("default-src 'none'", "base-uri", True),
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
    assert verdict(text, "https://a.example/x", directive) is allowed


def test_a_path_is_compared_as_if_nothing_had_redirected() -> None:
    """The example of CSP3 §7.6: only after a redirect paths do not count; a report tells of the first URL."""
    text = "img-src example.com example.org/path"
    assert not verdict(text, "https://example.org/not-path")
    assert verdict(text, "https://example.com/redirector")
    assert verdict(text, "https://example.org/path")


def test_answers_are_remembered_but_not_for_ever() -> None:
    for _ in range(2):
        for number in range(300):
            assert verdict("img-src *.example", f"https://h{number}.example/x")
            assert not verdict("img-src *.example", f"https://h{number}.test/x")


def test_only_violations_of_a_content_security_policy_are_judged() -> None:
    assert not impossible.impossible(report.Report(kind="coep", directive="img-src", policy="img-src *"))


def test_it_is_judged_on_what_was_sent_and_stored() -> None:
    body = payloads.legacy(original_policy="img-src https://tracker.example")
    assert payloads.row(body)["impossible"] == 1
    assert payloads.row(payloads.legacy(original_policy="img-src 'self'"))["impossible"] == 0


@given(st.text(max_size=60), st.sampled_from(["img-src", "script-src", "x"]), st.text(max_size=40))
def test_no_text_raises(text: str, directive: str, blocked: str) -> None:
    verdict(f"img-src {text}", blocked, directive, page=blocked)
    policy.parse(text)
    policy.sources(text)


PATHS = (
    st.lists(st.sampled_from(["", "a", "b", "%61", "%2F", "é"]), max_size=4).map("/".join).map("/{}".format)
)


@given(PATHS, PATHS)
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
