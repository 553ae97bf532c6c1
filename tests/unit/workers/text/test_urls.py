"""Cleaning of URLs."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workers.text import urls


@pytest.mark.parametrize(
    ("value", "text", "host"),
    [
        ("https://example.com/a/b", "https://example.com/a/b", "example.com"),
        ("https://example.com", "https://example.com/", "example.com"),
        ("https://u:p@example.com:8443/a?b=c#d", "https://example.com:8443/a", "example.com"),
        ("HTTP://EXAMPLE.com:80/A", "http://example.com/A", "example.com"),
        ("wss://live.example/socket?room=1", "wss://live.example/socket", "live.example"),
        (
            "https://bücher.example/straße",
            "https://xn--bcher-kva.example/stra%C3%9Fe",
            "xn--bcher-kva.example",
        ),
        ("https://example.com/../../etc/passwd", "https://example.com/etc/passwd", "example.com"),
        (" ht\ttps://a.example/\n x ", "https://a.example/%20x", "a.example"),
        ("https://www.example.com/\0x", "https://www.example.com/x", "www.example.com"),
        ("https://exa\u200bmple.com/", "https://example.com/", "example.com"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x", "[::1]"),
        ("http://10.1.2.3:15871", "http://10.1.2.3:15871/", "10.1.2.3"),
        ("inline", "inline", ""),
        ("wasm-eval", "wasm-eval", ""),
        ("trusted-types-policy", "trusted-types-policy", ""),
        ("Self", "self", ""),
        ("'self'", "self", ""),
        ('"https://a.example/"', "https://a.example/", "a.example"),
        ("<https://a.example/>", "https://a.example/", "a.example"),
        ("com.lge.browser", "com.lge.browser", ""),
        ("localhost:8080", "localhost", ""),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("192.168.0.1:8080", "192.168.0.1:8080", "192.168.0.1"),
        ("1.2.3.4/x", "1.2.3.4/x", "1.2.3.4"),
        ("1.2.3.999", "", ""),
        ("www.gstatic.com", "www.gstatic.com", "www.gstatic.com"),
        ("WWW.Gstatic.com/X.js?a#b", "www.gstatic.com/X.js", "www.gstatic.com"),
        ("www.gstatic.com?a", "www.gstatic.com", "www.gstatic.com"),
        ("cdn.example.com:8443", "cdn.example.com:8443", "cdn.example.com"),
        ("cdn.example.com:443/a", "cdn.example.com/a", "cdn.example.com"),
        ("cdn.example.com:99999", "cdn.example.com", ""),
        ("cdn.example.com/../a", "cdn.example.com/a", "cdn.example.com"),
        ("//example.com/a", "example.com/a", "example.com"),
        ("bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.xn--p1ai", "xn--bcher-kva.xn--p1ai", "xn--bcher-kva.xn--p1ai"),
        ("[2001:db8::1]:8443/x", "[2001:db8::1]:8443/x", "[2001:db8::1]"),
        ("2001:DB8::1", "[2001:db8::1]", "[2001:db8::1]"),
        ("fe80::1", "[fe80::1]", "[fe80::1]"),
        ("uc.gre", "uc.gre", ""),
        ("UC.GRE", "uc.gre", ""),
        ("me.example.com", "me.example.com", "me.example.com"),
        ("com.example.de", "com.example.de", "com.example.de"),
        ("com.android.chrome", "com.android.chrome", ""),
        ("user-script:2", "user-script", ""),
        ("main.js", "main.js", ""),
        ("a.b/main.js", "", ""),
        ("src/main.ts", "", ""),
        ("v1.2", "v1.2", ""),
        (f"{'ü' * 60}.{'ü' * 60}.{'ü' * 60}.{'ü' * 60}.example", "", ""),
        ("user@example.com", "", ""),
        ("example.com@evil", "", ""),
        ("exa mple.com", "", ""),
        ("about.example.com", "about.example.com", "about.example.com"),
        ("www.example.com.", "www.example.com.", ""),
        ("data", "data", ""),
        ("data:image/gif;base64,R0lGODlhAQABAAAAACw=", "data", ""),
        ("data:text/html,chromewebdata", "data:text/html,chromewebdata", ""),
        ("blob:https://a.example/uuid", "blob", ""),
        ("about:blank", "about", ""),
        ("javascript:alert(1)", "javascript", ""),
        ("chrome-extension:2:248774", "chrome-extension", ""),
        ("moz-extension://11111111-2222-3333/c.js", "moz-extension", ""),
        ("webviewprogressproxy:///complete", "webviewprogressproxy", ""),
        ("file:///home/someone/x.html", "file", ""),
        ("", "", ""),
        ("  ", "", ""),
        ("http://[::1", "", ""),
        ("https://www.example.com:99999999/", "", ""),
        ("http://a.example:port/", "", ""),
        ("https://evil.example℀.com/", "", ""),
        ("https://\ud800/", "", ""),
        ("@SUM(1)", "", ""),
        ("..\\..\\windows\\win.ini", "", ""),
        (f"https://{'a' * 300}.example/", "", ""),
    ],
)
def test_clean(value: str, text: str, host: str) -> None:
    url = urls.clean(value)
    assert (url.text, url.host) == (text, host)


def test_a_path_comes_with_its_host() -> None:
    assert urls.clean("https://example.com/a/b?c").path == "/a/b"


def test_a_long_url_is_cut() -> None:
    url = urls.clean("https://example.com/" + "a" * 5000)
    assert len(url.text) == urls.MAX_URL
    assert url.host == "example.com"


def test_a_whole_image_is_reduced_to_its_scheme() -> None:
    assert urls.clean("data:image/png;base64," + "A" * 1_000_000).text == "data"


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("", 0),
        ("inline", 0),
        ("a.example", 0),
        ("a.example:8443/b.example:80", 8443),
        ("192.0.2.1:8080", 8080),
        ("[2001:db8::1]:8080", 8080),
        ("chrome-extension", 0),
        ("data:text/html,chromewebdata", 0),
        ("https://a.example/", 0),
        ("https://a.example:8443/b/c.js", 8443),
        ("wss://[2001:db8::1]/x", 0),
        ("http://[::1]:8080/x/", 8080),
        ("http://10.0.0.1:15871/", 15871),
    ],
)
def test_a_stored_url_is_the_url_that_was_cleaned(text: str, port: int) -> None:
    url = urls.clean(text) if text else urls.NONE
    assert urls.stored(text) == url
    assert url.port == port


@given(
    st.text(max_size=40)
    | st.from_regex(r"(https?|wss|data|x-y):(//)?([a-z]+(:[a-z]*)?@)?[^\s]*(\?.*)?(#.*)?", fullmatch=True)
)
@example("https://example.com/" + "a" * (urls.MAX_URL - 23) + "/..bc")
@example("example.com/" + "a" * (urls.MAX_URL - 15) + "/..bc")
@example("example.com/a.example:80/")
@example("https://example.com/" + "a" * (urls.MAX_URL - 22) + "/%2ebc")
def test_clean_never_raises_and_is_idempotent(value: str) -> None:
    url = urls.clean(value)
    assert urls.clean(url.text) == url
    assert urls.stored(url.text) == url
    assert len(url.text) <= urls.MAX_URL
    assert url.text.isprintable()
    if url.host:
        assert not {"?", "#", "@"} & set(url.text.removeprefix(url.host).partition("/")[0])
        assert "?" not in url.text
        assert "#" not in url.text


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM", "www.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("", ""),
        ("www.example.com/../../etc\r\nX: y", ""),
        ("www.example.com:443", ""),
        ("user@example.com", ""),
        ("a b", ""),
        ("a" * 254, ""),
        ("[::1", ""),
        ("[::1]:8443", ""),
        ("evil℀.com", ""),
    ],
)
def test_host(name: str, host: str) -> None:
    assert urls.host(name) == host


@given(st.text(max_size=60))
def test_host_never_raises_and_is_idempotent(name: str) -> None:
    host = urls.host(name)
    assert urls.host(host) == host


PLAIN = st.from_regex(
    r"(https?|wss?|ftp|HTTP)://[a-z0-9.-]{1,12}(xn--[a-z]{2})?[a-z0-9.]{0,6}(:[0-9]{1,5})?"
    r"(/[A-Za-z0-9/_~!$&'()*+,;=:@.%2eE^|{}-]{0,12})?([?#][ -~]{0,8})?",
    fullmatch=True,
)


@given(PLAIN)
@example("https://a.example/a/..")
@example("https://a.example/%2e/b")
@example("https://1.2.3/")
@example("https://a.0x1/")
@example("https://xn--a/")
@example("http://a.example:8080?a@b#c")
@example("https://a.example/" + "a" * urls.MAX_URL)
@example("https://" + "a." * 127 + "b/")
def test_a_plain_url_is_what_the_parser_makes_of_it(value: str) -> None:
    url = urls.plain(value)
    assert url is None or url == urls.clean(value)


@pytest.mark.parametrize(
    "value",
    ["https://example.com/a/b.js?c#d", "http://a-1.example:8080", "wss://live.example/s", "ws://localhost#x"],
)
def test_usual_urls_are_plain(value: str) -> None:
    assert urls.plain(value) == urls.clean(value)
