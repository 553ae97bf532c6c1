"""What is made of a stored row, so that rules can be asked about it again."""

from __future__ import annotations

import pytest

from deploy import relabel
from storage import labels
from workers import urls
from workers.noise import rules

SIGHT = labels.Sight(1, "csp", "img-src", "", "", "", "", 0, "Firefox", "151", 0, "", "", "", 1)
CRAWLER = next(rule.id for rule in rules.shipped() if rule.has_agent and "+http" in rule.agents)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "inline",
        "chrome-extension",
        "data:text/html,chromewebdata",
        "https://a.example/",
        "https://a.example:8443/b/c.js",
        "wss://[2001:db8::1]/x",
        "http://[::1]:8080/x/",
        "http://10.0.0.1:15871/",
    ],
)
def test_a_stored_url_is_the_url_that_was_cleaned(text: str) -> None:
    assert relabel._url(text) == (urls.clean(text) if text else urls.NONE)


@pytest.mark.parametrize(
    ("browser", "version", "rule", "traits"),
    [
        ("Firefox", "151", "", ()),
        ("Firefox", "48", "", ("firefox-base-uri",)),
        ("Googlebot", "2", "", ("googlebot",)),
        ("Googlebot", "2", "googlebot", ("googlebot",)),
        ("Chrome", "148", CRAWLER, (CRAWLER,)),
        ("Chrome", "148", "superfish", ()),
        ("Chrome", "148", "gone", ()),
    ],
)
def test_what_a_user_agent_told_is_kept(
    browser: str, version: str, rule: str, traits: tuple[str, ...]
) -> None:
    sight = SIGHT._replace(browser=browser, browser_version=version, noise_rule=rule)
    assert relabel._traits(sight) == traits
