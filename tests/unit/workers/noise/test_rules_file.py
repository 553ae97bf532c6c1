"""Rules files: read whole or refused with a sentence, and ordered by their version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storage.projects import project_settings
from tests.helpers import rules
from workers import noise
from workers.model import report
from workers.noise import rules_file, shipped
from workers.text import urls

GOOD = 'a injected hosts = [".a.example", "b.example"]'


def test_a_file_has_its_rules_its_version_and_its_hash() -> None:
    text = rules.text(GOOD, 'c bug agents = ["oddbot"]')
    file = rules_file.parse(text)
    assert [rule.id for rule in file.rules] == ["a", "c"] == list(file.by_id) == rules_file.ids_of(text)
    assert (file.version, file.sha256) == (rules.LATER, rules.sha256(text))
    assert file.agent_matches.of("OddBot/1.0") == ("c",)
    assert file.newer_than(shipped.file())
    assert not shipped.file().newer_than(file)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("2026.9.1", "2026.10.1"), ("2026.11.27", "2026.11.27.1"), ("2026.11.27.9", "2026.11.27.10")],
)
def test_versions_are_ordered_by_their_numbers(earlier: str, later: str) -> None:
    assert rules_file.order_of(earlier) < rules_file.order_of(later)


def test_the_shipped_file_can_be_loaded_as_well() -> None:
    again = rules_file.parse(shipped.text())
    assert [rule.id for rule in again.rules] == [rule.id for rule in shipped.rules_in_order()]
    assert len(shipped.text()) * 5 < rules_file.MAX_BYTES


NEEDS = "This rules file needs"
BAD = [
    (b"\xff", "This is no rules file: "),
    (b"[" * 100_000, "This is no rules file: "),
    (b"version = 1", "This is no rules file: "),
    (b'version = "2999.1.1"', "This is no rules file: "),
    (b"x" * (rules_file.MAX_BYTES + 1), "A rules file has at most 1,048,576 bytes."),
    (rules.text(GOOD, version="2999.1"), "The version of a rules file is a date such as 2026.11.27"),
    (rules.text(GOOD, version="2999.1.1\\n"), "The version of a rules file is a date such as 2026.11.27"),
    (rules.text(GOOD, GOOD), "Two rules of the file have the id a."),
    (
        rules.text(*(f'a{n} bug schemes = ["x"]' for n in range(rules_file.MAX_RULES + 1))),
        "A rules file has at most 5,000 rules.",
    ),
    (
        rules.text(f"a bug samples = {json.dumps(['oddThing'] * (rules_file.MAX_SAMPLES + 1))}"),
        "The rules of a file look for at most 1,000 samples.",
    ),
    (rules.text('A bug schemes = ["x"]'), "This is no rules file: "),
    (rules.text('quota_minute bug schemes = ["x"]'), "This is no rules file: "),
    (rules.text('defect bug schemes = ["x"]'), "No rule may have the id defect"),
    (rules.text('a odd schemes = ["x"]'), "a has the class 'odd': a class is one of extension, "),
    (rules.text("a bug "), "a has no condition: it would match everything."),
    (rules.text('a bug schemes = [""]'), "a has a wrong value in schemes: ''."),
    (rules.text('a bug samples = [" "]'), "a has a wrong value in samples: ' '."),
    (rules.text(f'a bug hosts = ["{"a" * 300}"]'), "a has a wrong value in hosts: "),
    (rules.text('a bug hosts = ["a\\u001b.example"]'), "a has a wrong value in hosts: "),
    (rules.text('a bug hosts = ["A.example"]'), "a names 'A.example', which is to be written 'a.example'."),
    (rules.text('a bug hosts = [".co.uk"]'), ".co.uk is far too broad"),
    (rules.text('a bug pages = [".com"]'), ".com is far too broad"),
    (rules.text('a bug hosts = ["a.example"]\npaths = ["*/*/*/x"]'), "a has a path with more than 2"),
    (rules.text('a bug networks = ["10.0.0.0/33"]'), "a names a network that is none: "),
    (rules.text('a bug networks = ["8.0.0.0/8"]'), "a names a network that many share"),
    (rules.text('a bug paths = ["/ads/"]'), "a needs a host= beside path="),
    (rules.text('a bug schemes = ["https"]'), "a matches everything"),
    (rules.text('a bug agents = ["mozilla"]'), "a is far too broad: it matches all reports"),
    (rules.text("a bug before = { chrome = 200 }"), "a is far too broad"),
    (rules.text('a bug agents = ["windows"]\nkinds = ["csp"]'), "a is far too broad"),
    (rules.text('a bug schemes = ["https"]\nbefore = { chrome = 9999 }'), "a matches everything"),
    (rules.text('a bug schemes = ["inline"]\nbefore = { firefox = 200 }'), "a "),
    (rules.text('a bug paths = ["/"]\nagents = ["khtml"]'), "a needs a host= beside path="),
    (rules.text('a bug schemes = ["wss"]\nagents = ["android"]'), "a matches everything"),
    (rules.text('"a\\n" bug hosts = ["a.example"]'), "This is no rules file: "),
    (rules.text(GOOD, version="\u0662999.1.1"), "The version of a rules file is a date"),
    (rules.text('a bug agents = ["firefox"]\ndirectives = ["script-src"]'), "a is far too broad"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_wrong_file_is_refused_with_a_sentence(text: bytes, sentence: str) -> None:
    with pytest.raises(rules_file.RuleError) as refused:
        rules_file.parse(text)
    assert str(refused.value).startswith(sentence)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize(
    ("text", "release", "sentence"),
    [
        (
            rules.text('a bug moods = ["x"]', head='requires = "9.9"\n'),
            "0.1.0",
            f"{NEEDS} Headrace 9.9 or later: Headrace 0.1.0 does not know its member 'moods'.",
        ),
        (
            rules.text(GOOD, head="mood = 1\n"),
            "",
            f"{NEEDS} a later release of Headrace: this release does not know its member 'mood'.",
        ),
        (
            b"mood = 1\nrequires = 7\n",
            "",
            f"{NEEDS} a later release of Headrace: this release does not know its member 'mood'.",
        ),
    ],
)
def test_a_file_of_a_later_release_names_that_release(text: bytes, release: str, sentence: str) -> None:
    with pytest.raises(rules_file.RuleError) as refused:
        rules_file.parse(text, release)
    assert str(refused.value) == sentence


def test_ids_are_read_of_a_file_that_a_later_release_wrote() -> None:
    assert rules_file.ids_of(rules.text('a bug moods = ["x"]', head="mood = 1\n")) == ["a"]


@pytest.mark.parametrize(
    "rule", ['a local hosts = [".local"]', 'a bug agents = ["firefox"]\nsamples = ["oddThing"]']
)
def test_narrow_rules_are_taken(rule: str) -> None:
    assert rules_file.parse(rules.text(rule)).by_id.keys() == {"a"}


def label_of(host: str, **settings: Any) -> tuple[str, bool]:
    file = rules_file.parse(rules.text(GOOD, 'mine bug hosts = ["c.example"]'))
    wanted = noise.rules_of(project_settings.ProjectSettings(**settings), file)
    page = urls.URL("https://p.example/", "p.example", "/")
    found = report.Report(
        kind="csp", document=page, directive="script-src", blocked=urls.URL(f"https://{host}/", host, "/")
    )
    label = noise.label(found, (), wanted)
    return label.rule, label.dropped


def test_a_project_goes_by_the_file_that_it_is_given() -> None:
    assert label_of("x.a.example") == ("a", False)
    assert label_of("x.a.example", noise_off=("a",)) == ("", False)
    assert label_of("x.a.example", noise_off=("injected",)) == ("", False)
    assert label_of("x.a.example", noise_drop=("injected", "gone")) == ("a", True)
    assert label_of("superfish.com") == ("", False)


def test_a_rule_of_the_project_gives_way_to_a_common_rule_of_its_id() -> None:
    own = ("mine injected host=d.example", "yours injected host=e.example")
    assert label_of("d.example", noise_rules=own) == ("", False)
    assert label_of("e.example", noise_rules=own) == ("yours", False)
    assert label_of("c.example", noise_rules=own) == ("mine", False)
