"""What is made of a stored row, so that rules can be asked about it again."""

from __future__ import annotations

import pytest

from deploy import relabel
from storage import labels, project_settings
from workers import urls
from workers.noise import rules

SIGHT = labels.Sight(
    key=1,
    kind="csp",
    directive="img-src",
    blocked="",
    source_file="",
    document_host="",
    document="",
    sample="",
    impossible=0,
    browser="Firefox",
    browser_version="151",
    policy=0,
    collapsed=0,
    details=[],
    noise="",
    noise_rule="",
    title="",
    seen=1,
)
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


def label_of(sight: labels.Sight, **settings: object) -> str:
    return relabel.Labels(project_settings.ProjectSettings(**settings)).of(sight).rule


OWN = ("own injected host=.cdn.example",)
STANDING = [rule.id for rule in rules.shipped() if not relabel.is_told(rule)]
ELSEWHERE = SIGHT._replace(blocked="https://a.cdn.example/x.js")


@pytest.mark.parametrize("rule", STANDING)
def test_what_no_row_tells_stands(rule: str) -> None:
    noise_class = rules.by_id()[rule].noise
    assert label_of(ELSEWHERE._replace(noise_rule=rule)) == rule
    assert label_of(ELSEWHERE._replace(noise_rule=rule), noise_off=(noise_class,)) == ""
    assert label_of(ELSEWHERE._replace(noise_rule=rule), noise_rules=OWN) == "own"


def test_of_two_the_first_in_the_file_is_the_label() -> None:
    sight = SIGHT._replace(blocked="https://superfish.com/x.js")
    assert label_of(sight) == "superfish"
    order = [rule.id for rule in rules.shipped()]
    for rule in STANDING:
        earlier = order.index(rule) < order.index("superfish")
        assert label_of(sight._replace(noise_rule=rule)) == (rule if earlier else "superfish")


def test_a_collapsed_report_keeps_its_label_while_there_is_the_rule() -> None:
    sight = SIGHT._replace(collapsed=1, blocked="superfish.com", noise_rule="metrext")
    assert label_of(sight) == "metrext"
    assert label_of(sight, noise_off=("injected",)) == ""
    assert label_of(sight._replace(noise_rule="gone")) == ""
    assert label_of(sight._replace(noise_rule="")) == ""


def test_a_row_tells_its_details() -> None:
    rule = next(rule for rule in rules.shipped() if rule.details)
    assert relabel.is_told(rule)
    assert label_of(SIGHT._replace(details=list(rule.details))) == rule.id
    assert set(rule.details) <= set(relabel.Labels(project_settings.ProjectSettings()).named)
