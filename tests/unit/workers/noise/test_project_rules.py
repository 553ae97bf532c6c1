"""A project's own noise rules: what they may say, and the sentence that refuses all else."""

from __future__ import annotations

from typing import Any

import pytest

from storage.projects import project_settings
from workers import noise
from workers.noise import project_rules, rules

GOOD: list[tuple[str, dict[str, object]]] = [
    ("a injected scheme=Foo", {"schemes": ["foo"]}),
    ("a injected host=Chat.Example", {"hosts": ["chat.example"]}),
    ("a injected host=.chat.example host=x.example", {"hosts": [".chat.example", "x.example"]}),
    ("a injected host=*.chat.example", {"hosts": [".chat.example"]}),
    ("a injected host=bücher.example", {"hosts": ["xn--bcher-kva.example"]}),
    ("a injected host=10.1.0.0/16 scheme=https", {"networks": ["10.1.0.0/16"], "schemes": ["https"]}),
    ("a injected host=printer path=/", {"hosts": ["printer"], "paths": ["/"]}),
    ("a injected host=x.example path=/optout/*/get", {"hosts": ["x.example"], "paths": ["/optout/*/get"]}),
    ("a injected host=203.0.113.0/24", {"networks": ["203.0.113.0/24"]}),
    ("a injected host=8.8.8.0/24", {"networks": ["8.8.8.0/24"]}),
    ("a injected host=2001:4860:1::/48", {"networks": ["2001:4860:1::/48"]}),
    ("a injected host=mine.github.io", {"hosts": ["mine.github.io"]}),
    ("a injected host=unpkg.com path=/mine/", {"hosts": ["unpkg.com"], "paths": ["/mine/"]}),
    ("a injected sample=showBanner", {"samples": ["showBanner"]}),
    (
        "a injected scheme=data directive=img-src directive=font-src",
        {"schemes": ["data"], "directives": ["img-src", "font-src"]},
    ),
    (
        "a injected path=/metric/ query=wid query=rid directive=img-src",
        {"paths": ["/metric/"], "queries": ["wid", "rid"], "directives": ["img-src"]},
    ),
    (
        "a proxy path=/bmi/ embeds=page directive=img-src",
        {"paths": ["/bmi/"], "embeds_page": True, "directives": ["img-src"]},
    ),
    ("a translation page=*.copies.example", {"pages": [".copies.example"]}),
    ("a extension source=injectedScript", {"source_starts": ["injectedScript"]}),
    ("a extension begins=window.script15", {"sample_starts": ["window.script15"]}),
    ("a extension host=x.example kind=coep", {"hosts": ["x.example"], "kinds": ["coep"]}),
    (
        "a bug sample=installHook(window) in=source_file",
        {"samples": ["installHook(window)"], "only": "source_file"},
    ),
    (
        "a bug scheme=inline directive=style-src-attr",
        {"schemes": ["inline"], "directives": ["style-src-attr"]},
    ),
]


@pytest.mark.parametrize(("line", "conditions"), GOOD)
def test_a_rule_is_read(line: str, conditions: dict[str, object]) -> None:
    rule = project_rules.parse(line)
    assert (rule.id, rule.noise, rule.origin, rule.date) == ("a", line.split()[1], project_rules.ORIGIN, None)
    found = {
        name: list(value) if isinstance(value, tuple) else value for name, value in rule.conditions().items()
    }
    assert found == {**conditions, "everywhere": True}


WRITTEN = (
    "a would match what an attacker writes into a page: {} is for directive=font-src, directive=img-src, "
    "directive=media-src, directive=style-src-attr only."
)
SHARED = (
    "a names a network that many share, {}: anybody can have a host there. A public network has a prefix of "
    "at least {} bits."
)
KNOWN = "scheme=, host=, path=, query=, embeds=, page=, source=, sample=, begins=, directive=, kind=, in="
LOOSE = (
    "a is about all hosts, so that it is for directive=font-src, directive=img-src, directive=media-src only."
)
BAD = [
    ("", "A rule is written ID CLASS CONDITION…, not ''."),
    ("a", "A rule is written ID CLASS CONDITION…, not 'a'."),
    ("a host=x.example", "A rule is written ID CLASS CONDITION…, not 'a host=x.example'."),
    ("A injected scheme=x", "A rule's id has 1 to 64 of a-z, 0-9 and -, unlike 'A'."),
    ("poison injected scheme=x", "The id poison is taken: choose another."),
    ("a noise scheme=x", f"A rule's class is one of {', '.join(rules.CLASSES)}, not 'noise'."),
    (
        "a injected url=x",
        f"A condition is one of {KNOWN}, unlike 'url=x'.",
    ),
    (
        "a injected scheme",
        f"A condition is one of {KNOWN}, unlike 'scheme'.",
    ),
    ("a injected scheme=a/b", "A scheme is a name such as moz-extension, unlike 'a/b'."),
    ("a injected host=", "A host is a name, with a leading dot for all below it too, unlike ''."),
    ("a injected host=.", "A host is a name, with a leading dot for all below it too, unlike '.'."),
    ("a injected host=*", "A host is a name, with a leading dot for all below it too, unlike '*'."),
    ("a injected host=a.*.b", "A host is a name, with a leading dot for all below it too, unlike 'a.*.b'."),
    ("a injected host=.github.io", "a is far too broad: anybody can have a host below github.io."),
    ("a injected host=*.windows.net", "a is far too broad: anybody can have a host below windows.net."),
    ("a injected host=.dyndns.org", "a is far too broad: anybody can have a host below dyndns.org."),
    ("a injected host=.hwcdn.net", "a is far too broad: anybody can have a host below hwcdn.net."),
    (
        "a injected host=cdn.jsdelivr.net path=*/x.js",
        "a needs a path= beside host=cdn.jsdelivr.net that names a folder: anybody can have one there.",
    ),
    (
        "a injected host=cdn.jsdelivr.net path=/npm/x/ path=/*x",
        "a needs a path= beside host=cdn.jsdelivr.net that names a folder: anybody can have one there.",
    ),
    (
        "a injected host=*.jsdelivr.net path=/",
        "a needs a path= beside host=.jsdelivr.net that names a folder: anybody can have one there.",
    ),
    (
        "a injected host=.google.com",
        "a needs a path= beside host=.google.com that names a folder: anybody can have one there.",
    ),
    ("a injected host=.com", ".com is far too broad: a rule may not match a whole registry."),
    ("a injected host=*.co.uk", "*.co.uk is far too broad: a rule may not match a whole registry."),
    ("a injected host=0.0.0.0/0", "0.0.0.0/0 is far too broad: a network has a prefix of at least 8 bits."),
    ("a injected host=10.0.0.1/8", "A network is written as 10.0.0.0/8: 10.0.0.1/8 has host bits set."),
    ("a injected path=x", "A path begins with / or * and has at most 2 of *, unlike 'x'."),
    ("a injected path=/*/*/*", "A path begins with / or * and has at most 2 of *, unlike '/*/*/*'."),
    ("a injected path=/a?b", "A path begins with / or * and has at most 2 of *, unlike '/a?b'."),
    ("a injected sample=(", "A sample is an identifier, or code with one, unlike '('."),
    ("a injected scheme=x directive=IMG", "A directive is a name such as img-src, unlike 'IMG'."),
    ("a injected scheme=x in=document", "A rule looks in=blocked or in=source_file, not 'document'."),
    ("a injected", "a matches everything: it needs a scheme=, host=, page=, source= or sample=."),
    (
        "a injected directive=img-src",
        "a matches everything: it needs a scheme=, host=, page=, source= or sample=.",
    ),
    *(
        (f"a injected {line}", "a needs a host= beside path=: anybody can have a path on his own host.")
        for line in (
            *("path=/*", "path=/optout/get", "path=*/ndhui.js directive=script-src", "scheme=https path=/x"),
            *("path=/x directive=img-src", "path=/x sample=showBanner", "path=/x in=source_file"),
        )
    ),
    *(
        (f"a injected scheme={name}", f"a matches everything: scheme={name} needs a host= beside it.")
        for name in ("http", "https", "ws", "wss", "ftp")
    ),
    *(
        (f"a injected {line}", WRITTEN.format(line.split()[0]))
        for line in (
            *("scheme=inline", "scheme=eval", "scheme=data", "scheme=blob directive=worker-src"),
            *("scheme=inline sample=showBanner", "scheme=data directive=img-src directive=script-src"),
        )
    ),
    *(
        (f"a injected host={network}", SHARED.format(network, bits))
        for network, bits in (("52.0.0.0/8", 24), ("8.8.8.0/23", 24), ("2001:4860::/32", 48))
    ),
    ("a injected query=a&b host=x.example", "A query= is the name of one of its members, unlike 'a&b'."),
    ("a injected embeds=path path=/x/", "A rule says embeds=page or nothing, not 'path'."),
    ("a injected kind=CSP host=x.example", "A kind is a name such as coep, unlike 'CSP'."),
    ("a injected kind=csp", "a matches everything: it needs a scheme=, host=, page=, source= or sample=."),
    ("a injected page=.github.io", "a is far too broad: anybody can have a host below github.io."),
    ("a injected page=.com", ".com is far too broad: a rule may not match a whole registry."),
    (
        "a injected page=sites.google.com",
        "a needs a path= beside host=sites.google.com that names a folder: anybody can have one there.",
    ),
    *(
        (f"a injected {line}", LOOSE)
        for line in (
            *(
                "path=/m/ query=a query=b",
                "path=/bmi/ embeds=page",
                "path=/m/ embeds=page directive=script-src",
            ),
            "path=/m/ query=a query=b directive=img-src directive=connect-src",
        )
    ),
    *(
        (f"a injected {line}", "a is about all hosts, so that it needs a path= that begins with a folder.")
        for line in (
            *("path=/ embeds=page directive=img-src", "embeds=page directive=img-src"),
            *("path=*/m/ query=a query=b directive=img-src", "path=/m query=a scheme=x directive=img-src"),
        )
    ),
    (
        "a injected path=/m query=a query=a directive=img-src",
        "a is about all hosts, so that it needs at least 2 different query=.",
    ),
    *(
        (
            f"a injected {key}={value}",
            f"a has the beginning {value!r}: a beginning has 6 to 40 characters, letters among them.",
        )
        for key, value in (
            ("source", "abc"),
            ("begins", "x" * 41),
            ("source", "123456"),
            ("begins", ";(()=>{"),
        )
    ),
    *(
        (f"a injected source={text}", f"a has the beginning {text!r}, which source files of pages have.")
        for text in ("https://cdn.example", "about:srcdoc", "inline", "blob:https", "javascript")
    ),
    ("a injected host=" + "x" * 512, "A rule has at most 512 characters."),
]


@pytest.mark.parametrize(("line", "sentence"), BAD)
def test_a_rule_is_refused_with_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(project_rules.RuleError) as refused:
        project_rules.parse(line)
    assert str(refused.value) == sentence


def test_id_and_class_may_be_left_out_where_a_rule_is_tried() -> None:
    assert project_rules.parse_conditions("host=a.example").hosts == ("a.example",)
    assert project_rules.parse_conditions("mine bug host=a.example").id == "mine"
    with pytest.raises(project_rules.RuleError):
        project_rules.parse_conditions("mine host=a.example")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"noise_rules": ("superfish bug scheme=x",)}, "The id superfish is taken: choose another."),
        (
            {"noise_rules": ("a bug",)},
            "a matches everything: it needs a scheme=, host=, page=, source= or sample=.",
        ),
        (
            {"noise_rules": ("a bug scheme=x", "a bug scheme=y")},
            "Two of the project's own rules have the id a.",
        ),
        (
            {"noise_off": ("nosuch",)},
            f"'nosuch' is no rule and no class of noise, which are {', '.join(rules.CLASSES)}.",
        ),
        (
            {"noise_drop": ("",)},
            f"'' is no rule and no class of noise, which are {', '.join(rules.CLASSES)}.",
        ),
    ],
)
def test_settings_are_refused_with_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(project_rules.RuleError) as refused:
        noise.check(project_settings.ProjectSettings(**given))
    assert str(refused.value) == sentence


def test_settings_may_name_classes_and_rules_and_own_rules() -> None:
    noise.check(
        project_settings.ProjectSettings(
            noise_off=("crawler", "superfish", "monetizus"),
            noise_drop=("mine", "extension"),
            noise_rules=("mine bug scheme=x",),
        )
    )


def test_settings_may_name_what_other_rules_files_had() -> None:
    settings = project_settings.ProjectSettings(noise_off=("chat",))
    noise.check(settings, {"chat"})
    with pytest.raises(project_rules.RuleError, match="'chat' is no rule"):
        noise.check(settings)
    own = project_settings.ProjectSettings(noise_rules=("chat bug scheme=x",))
    noise.check(own)
    with pytest.raises(project_rules.RuleError, match="The id chat is taken"):
        noise.check(own, {"chat"})
