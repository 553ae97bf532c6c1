"""Browsers told from user agents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import payloads
from workers.reading import user_agents

BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X)"
WEBVIEW = "Mozilla/5.0 (Linux; Android 15; SM-S928B Build/AP3A.240905.015; wv)"
GOOGLEBOT = "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BING = "+http://www.bing.com/bingbot.htm"

BROWSERS = [
    (payloads.CHROME, ("Chrome", "148", "Windows")),
    (f"{MAC} {BLINK} Chrome/148.0.0.0 Safari/537.36", ("Chrome", "148", "Mac OS X")),
    (
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/148.0.0.0 Safari/537.36",
        ("Chrome", "148", "Chrome OS"),
    ),
    (f"{ANDROID} {BLINK} Chrome/148.0.0.0 Mobile Safari/537.36", ("Chrome Mobile", "148", "Android")),
    (f"{ANDROID} {BLINK} Chrome/148.0.0.0 Safari/537.36", ("Chrome", "148", "Android")),
    (
        f"{IPHONE} {WEBKIT} CriOS/148.0.7778.50 Mobile/15E148 Safari/604.1",
        ("Chrome Mobile iOS", "148", "iOS"),
    ),
    (f"{WINDOWS} {BLINK} Chrome/148.0.0.0 Safari/537.36 Edg/148.0.3595.53", ("Edge", "148", "Windows")),
    (f"{WINDOWS} {BLINK} Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763", ("Edge", "18", "Windows")),
    (
        f"{ANDROID} {BLINK} Chrome/148.0.0.0 Mobile Safari/537.36 EdgA/148.0.3595.66",
        ("Edge Mobile", "148", "Android"),
    ),
    (
        f"{IPHONE} {WEBKIT} Version/18.0 EdgiOS/148.0.3595.66 Mobile/15E148 Safari/605.1.15",
        ("Edge Mobile", "148", "iOS"),
    ),
    (payloads.FIREFOX, ("Firefox", "151", "Linux")),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
        ("Firefox", "140", "Mac OS X"),
    ),
    (
        "Mozilla/5.0 (Android 15; Mobile; rv:151.0) Gecko/151.0 Firefox/151.0",
        ("Firefox Mobile", "151", "Android"),
    ),
    (f"{IPHONE} {WEBKIT} FxiOS/151.0 Mobile/15E148 Safari/605.1.15", ("Firefox iOS", "151", "iOS")),
    ("Mozilla/5.0 (X11; Linux i686; rv:5.0) Gecko/20100101 Firefox/5.0", ("Firefox", "5", "Linux")),
    (payloads.SAFARI, ("Safari", "26", "Mac OS X")),
    (f"{IPHONE} {WEBKIT} Version/26.2 Mobile/15E148 Safari/604.1", ("Mobile Safari", "26", "iOS")),
    (f"{IPAD} {WEBKIT} Version/26.2 Mobile/15E148 Safari/604.1", ("Mobile Safari", "26", "iOS")),
    (
        f"{ANDROID} {BLINK} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
        ("Samsung Internet", "29", "Android"),
    ),
    (f"{WINDOWS} {BLINK} Chrome/146.0.0.0 Safari/537.36 OPR/130.0.0.0", ("Opera", "130", "Windows")),
    ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", ("IE", "11", "Windows")),
]
APPS = [
    (
        f"{WEBVIEW} {BLINK} Version/4.0 Chrome/148.0.7778.60 Mobile Safari/537.36",
        ("Chrome Mobile WebView", "148", "Android"),
    ),
    (f"{IPHONE} {WEBKIT} Mobile/15E148", ("Mobile Safari UI/WKWebView", "", "iOS")),
    (f"{IPHONE} {WEBKIT} GSA/395.0.822 Mobile/15E148 Safari/604.1", ("Google", "395", "iOS")),
    (f"{IPHONE} {WEBKIT} Mobile/15E148 [FBAN/FBIOS;FBAV/540.0.0.41.70]", ("Facebook", "540", "iOS")),
    (f"{IPHONE} {WEBKIT} Mobile/15E148 Instagram 400.0.0.25.109", ("Instagram", "400", "iOS")),
    ("okhttp/4.12.0", ("okhttp", "4", "")),
]
MACHINES = [
    (f"Mozilla/5.0 {GOOGLEBOT}", ("Googlebot", "2", "")),
    (
        f"{ANDROID} {BLINK} Chrome/148.0.7778.50 Mobile Safari/537.36 {GOOGLEBOT}",
        ("Googlebot", "2", "Android"),
    ),
    (
        f"Mozilla/5.0 {BLINK}; compatible; bingbot/2.0; {BING}) Chrome/136.0.0.0 Safari/537.36",
        ("bingbot", "2", ""),
    ),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", ("AhrefsBot", "7", "")),
    (
        f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} HeadlessChrome/148.0.0.0 Safari/537.36",
        ("HeadlessChrome", "148", "Linux"),
    ),
    ("curl/8.5.0", ("curl", "8", "")),
    ("x", ("", "", "")),
    ("", ("", "", "")),
]


@pytest.mark.parametrize(("user_agent", "agent"), BROWSERS + APPS + MACHINES)
def test_parse(user_agent: str, agent: tuple[str, str, str]) -> None:
    assert user_agents.parse(user_agent) == agent


def test_the_reports_own_user_agent_comes_before_the_requests() -> None:
    row = payloads.row([payloads.modern(user_agent=payloads.SAFARI)], user_agent=payloads.CHROME)
    assert (row["browser"], row["browser_version"], row["os"]) == ("Safari", "26", "Mac OS X")
    row = payloads.row(payloads.legacy(), user_agent=payloads.CHROME)
    assert (row["browser"], row["browser_version"], row["os"]) == ("Chrome", "148", "Windows")


def test_only_the_beginning_of_a_long_user_agent_is_read() -> None:
    padding = "a; " * 34_000
    assert user_agents.parse(f"Mozilla/5.0 ({padding}) Chrome/148.0") == user_agents.UNKNOWN
    assert user_agents.parse(payloads.CHROME + padding) == user_agents.parse(payloads.CHROME)


@given(st.text(max_size=80) | st.sampled_from([agent for agent, _ in BROWSERS]).map(lambda agent: agent[::2]))
def test_anything_may_stand_in_a_user_agent(user_agent: str) -> None:
    assert all(isinstance(part, str) for part in user_agents.parse(user_agent))
