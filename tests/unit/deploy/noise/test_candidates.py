"""What speaks for and against a candidate for noise."""

from __future__ import annotations

import datetime as dt

import pytest

from deploy.noise import candidates, spread
from workers.noise import project_rules, url_index

NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
DAY = NOW.date()
EXTENSION = spread.Facts(
    reports=310_000,
    people=308,
    people_share=0.05,
    pages=40,
    pages_share=0.8,
    top_page_share=0.2,
    top_page_usual=0.2,
    days=9,
    browsers={"Chrome": 90, "Edge": 20, "Opera": 5, "Firefox": 3},
    first_seen=NOW,
    last_seen=NOW,
    directives=("img-src",),
    blocked="",
    document="",
)


def test_an_extension_leaves_no_doubt() -> None:
    assert spread.doubts(EXTENSION) == ()


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"people": 0, "people_share": 0.0}, "How many people it met is unknown."),
        ({"people": 4}, "So few people may be one: anybody can send that."),
        ({"people_share": 0.3}, "It met 30% of all people of a day: the site itself may bring it."),
        ({"days": 1}, "It was seen on 1 day only."),
        ({"days": 2}, "It was seen on 2 days only."),
        ({"pages": 29, "pages_share": 0.1}, "It is on 10% of the pages only: those pages may bring it."),
        ({"top_page_share": 0.6}, "One page has 60% of its reports: that page may bring it."),
        ({"browsers": {"Chrome": 8, "Mobile Safari": 2}}, "Browsers of several engines report it"),
        ({"browsers": {}}, "Browsers of several engines report it"),
    ],
)
def test_each_doubt_has_its_sentence(change: dict[str, object], doubt: str) -> None:
    (found,) = spread.doubts(EXTENSION._replace(**change))  # type: ignore[arg-type]
    assert found.startswith(doubt)


def test_a_page_that_everybody_visits_is_no_doubt() -> None:
    assert spread.doubts(EXTENSION._replace(top_page_share=0.8, top_page_usual=0.7)) == ()
    assert spread.doubts(EXTENSION._replace(pages=30, pages_share=0.01)) == ()


def test_browsers_are_of_engines() -> None:
    browsers = {"Chrome": 1, "Chrome Mobile iOS": 2, "Firefox iOS": 4, "Safari": 8, "Firefox": 16}
    found = spread.engines(browsers)
    assert found == {"Chromium": 1, "WebKit": 14, "Gecko": 16}


def test_a_share_of_people_is_the_greatest_of_a_day() -> None:
    before = DAY - dt.timedelta(days=1)
    assert spread.greatest_share({DAY: 5, before: 9}, {DAY: 10, before: 90}) == 0.5
    assert spread.greatest_share({DAY: 5}, {}) == 1.0
    assert spread.greatest_share({DAY: 0}, {DAY: 5}) == 0.0


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("a.b.example", "b.example"),
        ("b.example", "b.example"),
        ("localhost", "localhost"),
        ("www.shop.co.uk", "shop.co.uk"),
        ("co.uk", "co.uk"),
        ("192.0.2.1", "192.0.2.1"),
        ("[::1]", "[::1]"),
        ("a.b.example.", "b.example"),
    ],
)
def test_the_domain_of_a_host(host: str, base: str) -> None:
    assert url_index.base_of(host) == base


def test_the_hosts_that_a_policy_allows() -> None:
    policy = (
        "default-src 'self' data: https:; IMG-SRC https://A.example:443/x *.b.example;"
        "script-src 'nonce-abc.def' c.example:* wss://d.example"
    )
    assert list(candidates.allowed_hosts(policy)) == ["a.example", "*.b.example", "c.example", "d.example"]


RULES = [
    ("host", "a.example", "a-example injected host=a.example in=blocked"),
    ("source", "a.example", "a-example injected host=a.example in=source_file"),
    ("host", "taken.example", "taken-example-own injected host=taken.example in=blocked"),
    ("scheme", "odd-extension", "odd-extension extension scheme=odd-extension"),
    (
        "sample",
        "(()=>{window.__assistantBridge=1",
        "window-assistantbridge-1 injected sample=__assistantBridge",
    ),
]


@pytest.mark.parametrize(("kind", "name", "line"), RULES)
def test_a_rule_that_matches_a_candidate(kind: str, name: str, line: str) -> None:
    assert candidates.rule_of(kind, name, {"taken-example"}) == (line, "")
    assert project_rules.parse(line).id == line.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("sample", "a=1"), ("host", "cdn.jsdelivr.net"), ("scheme", "https"), ("scheme", "data")],
)
def test_no_rule_where_an_attacker_could_meet_it(kind: str, name: str) -> None:
    line, refusal = candidates.rule_of(kind, name, ())
    assert line == ""
    assert refusal.startswith("No rule can match it alone: ")
