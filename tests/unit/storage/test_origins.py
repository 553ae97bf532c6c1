"""Which origins a pattern allows, and which patterns there are."""

from __future__ import annotations

import pytest

from storage.projects import origins


@pytest.mark.parametrize(
    ("pattern", "allowed", "refused"),
    [
        (
            "https://shop.example",
            [
                "https://shop.example",
                "https://shop.example:443",
                "HTTPS://SHOP.example/a?b#c",
                "https://shop.example?x",
            ],
            [
                "http://shop.example",
                "https://shop.example:8443",
                "https://a.shop.example",
                "https://shop.example.evil.test",
                "https://shop.example@evil.test",
                "https://shop.example:443@evil.test",
                "https://evil.test/https://shop.example",
                "https://shopxexample",
                "https://shop.example\n",
                "null",
                "",
            ],
        ),
        (
            "https://*.example.com",
            ["https://a.example.com", "https://b.a.example.com/x"],
            [
                "https://example.com",
                "https://aexample.com",
                "https://a.example.com:1",
                "http://a.example.com",
            ],
        ),
        (
            "http://localhost:8080",
            ["http://localhost:8080/x"],
            ["http://localhost", "https://localhost:8080"],
        ),
        ("https://shop.example:443", ["https://shop.example"], ["https://shop.example:444"]),
        (
            "https://shop.example:*",
            ["https://shop.example", "https://shop.example:1"],
            ["http://shop.example:1"],
        ),
        (
            "shop.example",
            ["http://shop.example", "https://shop.example"],
            ["ftp://shop.example", "shop.example"],
        ),
        ("*.shop.example", ["http://a.shop.example"], ["http://shop.example"]),
        ("https://[::1]:8000", ["https://[::1]:8000/"], ["https://[::2]:8000/"]),
        ("https://Bücher.example", ["https://xn--bcher-kva.example"], ["https://b.example"]),
        ("chrome-extension://abcdef", ["chrome-extension://abcdef/page"], ["chrome-extension://abc"]),
        (
            "null",
            [
                "null",
                "about",
                "about:srcdoc",
                "data:text/html,x",
                "data:text/html,a\nb",
                "",
                "blob:https://shop.example/1",
                "filesystem:https://shop.example/temporary/a",
                "file",
                "file:///home/a.html",
                "chrome-extension",
            ],
            [
                "https://shop.example",
                "https://user:pw@evil.test/",
                "https://evil.test:99999999/",
                " https://evil.test/",
                " null",
                "https:/evil.test",
                "https",
                "https://",
                "evil.test",
                "evil:8080/x",
                "file://evil.test/a",
                "//evil.test",
                "/page",
                "\xff",
            ],
        ),
        ("NULL", ["null", "about", ""], ["https://null", "http://null"]),
        ("Null", ["null"], ["http://null"]),
        ("https://null", ["https://null/"], ["null", "", "about"]),
    ],
)
def test_what_a_pattern_allows(pattern: str, allowed: list[str], refused: list[str]) -> None:
    patterns = origins.Patterns((pattern,))
    assert [url for url in allowed if not patterns.allow(url)] == []
    assert [url for url in refused if patterns.allow(url)] == []


def test_one_of_several_is_enough() -> None:
    patterns = origins.Patterns(("https://a.example", "https://b.example"))
    assert patterns.allow("https://b.example/x")
    assert not patterns.allow("null")


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "https://",
        "https://*",
        "https://a.*.example",
        "https://a/path",
        "a b",
        "https://a:x",
        "//a",
        "https://a<b",
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no origin such as"):
        origins.Patterns((pattern,))


def test_origin_comes_before_referer_and_silence_is_allowed() -> None:
    patterns = origins.Patterns(("https://a.example",))
    assert patterns.allow_request(b"https://a.example", b"https://b.example/")
    assert not patterns.allow_request(b"https://b.example", b"https://a.example/")
    assert patterns.allow_request(b"", b"https://a.example/page")
    assert not patterns.allow_request(b"", b"https://b.example/page")
    assert not patterns.allow_request(b"null", b"https://a.example/")
    assert patterns.allow_request(b"", b"")
    assert not patterns.allow_request(b"\xff\xfe", b"")


def test_no_patterns_allow_everything() -> None:
    assert origins.compiled(()) is None
    assert origins.compiled(("null",)) is origins.compiled(("null",))


def test_the_memory_of_origins_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "_REMEMBERED", 2)
    patterns = origins.Patterns(("*.example",))
    for _ in range(2):
        assert all(patterns.allow(f"https://{n}.example") for n in range(5))
    assert [patterns.allow("https://a.example") for _ in range(2)] == [True, True]
    assert patterns.allow(f"https://a.example/{'x' * 300}")
    assert len(patterns._remembered) <= 2
